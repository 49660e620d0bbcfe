package dev.granula.tensor.safetensors;

import dev.granula.tensor.internal.io.JsonFormatException;
import dev.granula.tensor.safetensors.SafetensorsException.Rule;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and checks a header: u64 length N, N bytes of JSON, then the bytes of the tensors without a
 * hole. The checks and their order are those of the reference implementation.
 */
final class HeaderReader {
  static final String OPERATION = "read safetensors";

  /** Bytes of the length field. */
  static final int LENGTH_BYTES = 8;

  static final long MAX_HEADER_BYTES = 100_000_000;

  /** Checked header: tensors in order of their bytes. */
  record Header(Map<String, SafetensorsEntry> entries, Map<String, String> metadata) {}

  private final Path file;
  private final FileChannel channel;
  private final Problems problems = new Problems(OPERATION);

  private HeaderReader(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  static Header read(Path file, FileChannel channel) throws IOException {
    return new HeaderReader(file, channel).read();
  }

  private Header read() throws IOException {
    long fileBytes = channel.size();
    if (fileBytes < LENGTH_BYTES) {
      throw failure(
          0,
          Rule.HEADER_TOO_SMALL,
          "the file has %d bytes, the length of the header alone takes %d"
              .formatted(fileBytes, LENGTH_BYTES));
    }
    byte[] json = readBytes(LENGTH_BYTES, headerBytes(fileBytes));
    HeaderJson header = new HeaderJson(file, json, problems);
    try {
      header.parse();
    } catch (JsonFormatException e) {
      Rule rule = header.isText() ? Rule.INVALID_HEADER_DESERIALIZATION : Rule.INVALID_HEADER;
      throw failure(LENGTH_BYTES + e.byteOffset(), rule, "the header " + e.getMessage());
    }
    problems.throwIfAny(file);
    List<HeaderJson.Draft> drafts = header.drafts();
    drafts.sort(
        (a, b) ->
            a.begin() != b.begin()
                ? Long.compareUnsigned(a.begin(), b.begin())
                : Long.compareUnsigned(a.end(), b.end()));
    long dataStart = LENGTH_BYTES + json.length;
    checkLayout(drafts, dataStart, fileBytes);
    problems.throwIfAny(file);
    Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
    for (HeaderJson.Draft draft : drafts) {
      entries.put(draft.name(), draft.entry(dataStart));
    }
    return new Header(entries, header.metadata());
  }

  private int headerBytes(long fileBytes) throws IOException {
    long length =
        ByteBuffer.wrap(readBytes(0, LENGTH_BYTES)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    if (Long.compareUnsigned(length, MAX_HEADER_BYTES) > 0) {
      throw failure(
          0,
          Rule.HEADER_TOO_LARGE,
          "the header is said to have %s bytes, at most %d are allowed"
              .formatted(Long.toUnsignedString(length), MAX_HEADER_BYTES));
    }
    if (length > fileBytes - LENGTH_BYTES) {
      throw failure(
          0,
          Rule.INVALID_HEADER_LENGTH,
          "the header is said to have %d bytes, the file has %d behind the length; is it cut off?"
              .formatted(length, fileBytes - LENGTH_BYTES));
    }
    return (int) length;
  }

  private byte[] readBytes(long position, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count);
    TensorBytes.readFully(channel, position, bytes);
    return bytes.array();
  }

  /** Each byte behind the header belongs to exactly one tensor, which needs exactly its range. */
  private void checkLayout(List<HeaderJson.Draft> drafts, long dataStart, long fileBytes) {
    long previousEnd = 0;
    for (HeaderJson.Draft draft : drafts) {
      if (draft.begin() != previousEnd) {
        problem(
            draft,
            dataStart,
            Rule.INVALID_OFFSET,
            "data_offsets begin at %s, the tensor before ends at %s; holes and overlaps are not allowed"
                .formatted(
                    Long.toUnsignedString(draft.begin()), Long.toUnsignedString(previousEnd)));
      }
      if (Long.compareUnsigned(draft.end(), draft.begin()) < 0) {
        problem(
            draft,
            dataStart,
            Rule.INVALID_OFFSET,
            "data_offsets end at %s, before they begin at %s"
                .formatted(
                    Long.toUnsignedString(draft.end()), Long.toUnsignedString(draft.begin())));
      } else {
        checkSize(draft, dataStart);
      }
      previousEnd = draft.end();
    }
    if (previousEnd != fileBytes - dataStart) {
      problems.add(
          file,
          null,
          fileBytes,
          Rule.METADATA_INCOMPLETE_BUFFER,
          "the tensors take %s bytes behind the header, the file has %d there; %s"
              .formatted(
                  Long.toUnsignedString(previousEnd),
                  fileBytes - dataStart,
                  Long.compareUnsigned(previousEnd, fileBytes - dataStart) > 0
                      ? "is it cut off?"
                      : "nothing may follow"));
    }
  }

  private void checkSize(HeaderJson.Draft draft, long dataStart) {
    long bits = draft.type().bits();
    try {
      for (long dim : draft.shape()) {
        bits = Math.multiplyExact(bits, checkedDim(dim));
      }
    } catch (ArithmeticException _) {
      problem(
          draft,
          dataStart,
          Rule.VALIDATION_OVERFLOW,
          "shape %s of %s has more than 2^63 bits".formatted(draft.shapeText(), draft.type()));
      return;
    }
    long rangeBytes = draft.end() - draft.begin();
    if (bits % Byte.SIZE != 0) {
      problem(
          draft,
          dataStart,
          Rule.MISALIGNED_SLICE,
          "shape %s of %s does not fill whole bytes: %d bits"
              .formatted(draft.shapeText(), draft.type(), bits));
    } else if (bits / Byte.SIZE != rangeBytes) {
      problem(
          draft,
          dataStart,
          Rule.TENSOR_INVALID_INFO,
          "shape %s of %s needs %d bytes, data_offsets hold %s"
              .formatted(
                  draft.shapeText(),
                  draft.type(),
                  bits / Byte.SIZE,
                  Long.toUnsignedString(rangeBytes)));
    }
  }

  private static long checkedDim(long unsigned) {
    if (unsigned < 0) {
      throw new ArithmeticException("beyond 2^63 - 1");
    }
    return unsigned;
  }

  private void problem(HeaderJson.Draft draft, long dataStart, Rule rule, String text) {
    problems.add(file, draft.name(), position(draft.begin(), dataStart), rule, text);
  }

  /** A place in the file, or none where the offset is beyond any file. */
  private static long position(long begin, long dataStart) {
    return begin < 0 || begin > Long.MAX_VALUE - dataStart ? -1 : dataStart + begin;
  }

  private SafetensorsException failure(long byteOffset, Rule rule, String text) {
    return new SafetensorsException(
        OPERATION, new SafetensorsException.Problem(file, null, byteOffset, rule, text));
  }
}
