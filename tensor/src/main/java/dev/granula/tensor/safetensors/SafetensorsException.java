package dev.granula.tensor.safetensors;

import dev.granula.tensor.GranulaException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A file or folder that breaks a rule of the format. All its problems are reported together. */
public final class SafetensorsException extends GranulaException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 20;

  /** What can be wrong; the first ten are the reference implementation's errors. */
  public enum Rule {
    HEADER_TOO_SMALL,
    HEADER_TOO_LARGE,
    INVALID_HEADER_LENGTH,
    /** Not UTF-8. */
    INVALID_HEADER,
    /** Not JSON, a key twice, a field of the wrong type or an unknown element type. */
    INVALID_HEADER_DESERIALIZATION,
    /** Ranges with holes, overlaps or an end before the beginning. */
    INVALID_OFFSET,
    VALIDATION_OVERFLOW,
    MISALIGNED_SLICE,
    /** The range does not hold as many bytes as shape and element type need. */
    TENSOR_INVALID_INFO,
    /** Bytes are missing at the end, or left over. */
    METADATA_INCOMPLETE_BUFFER,
    /** An element type that tensors here do not have. */
    UNSUPPORTED_TYPE,
    TENSOR_NOT_FOUND,
    /** A tensor in two shards. */
    DUPLICATE_TENSOR,
    /** The index of a sharded checkpoint is not what it should be. */
    INVALID_INDEX,
    /** A shard that is missing, or whose name leads out of the folder. */
    INVALID_SHARD,
    /** What was asked to be written cannot stand in a file. */
    INVALID_NAME
  }

  /**
   * @param tensor the tensor that it is about, or null
   * @param byteOffset position in the file, or -1 where there is none
   */
  public record Problem(
      Path file, @Nullable String tensor, long byteOffset, Rule rule, String text) {
    @Override
    public String toString() {
      StringBuilder message = new StringBuilder(String.valueOf(file.getFileName()));
      if (tensor != null) {
        message.append(": tensor '").append(printable(tensor)).append('\'');
      }
      if (byteOffset >= 0) {
        message.append(": byte ").append(byteOffset);
      }
      return message.append(": ").append(text).toString();
    }
  }

  private final transient List<Problem> problems;

  SafetensorsException(String operation, Path path, List<Problem> problems, int more) {
    super(message(operation, path, problems, more));
    this.problems = List.copyOf(problems);
  }

  SafetensorsException(String operation, Problem problem) {
    this(operation, problem.file(), List.of(problem), 0);
  }

  /** The problems found, at most {@value Problems#MAX} of them. */
  public List<Problem> problems() {
    return problems;
  }

  /** The file of the first problem. */
  public Path file() {
    return problems.getFirst().file();
  }

  /** The tensor of the first problem, if it is about one. */
  public Optional<String> tensor() {
    return Optional.ofNullable(problems.getFirst().tensor());
  }

  /** The position of the first problem in its file, if it has one. */
  public OptionalLong byteOffset() {
    long offset = problems.getFirst().byteOffset();
    return offset < 0 ? OptionalLong.empty() : OptionalLong.of(offset);
  }

  /** The rule that the first problem breaks. */
  public Rule rule() {
    return problems.getFirst().rule();
  }

  private static String message(String operation, Path path, List<Problem> problems, int more) {
    int hidden = Math.max(0, problems.size() - SHOWN) + more;
    return problems.stream()
        .limit(SHOWN)
        .map(Problem::toString)
        .collect(
            Collectors.joining(
                "; ",
                "%s: %s: ".formatted(operation, path),
                hidden > 0 ? "; and %d more".formatted(hidden) : ""));
  }

  /** A name from a file as it may stand in a terminal: short, without control characters. */
  static String printable(String name) {
    String shown = name.length() <= 120 ? name : name.substring(0, 117) + "...";
    return shown.replaceAll("[\\p{Cntrl}\\p{Cf}\\p{Cs}\u2028\u2029]", "?");
  }
}
