package dev.granula.models;

import dev.granula.autograd.Autograd;
import dev.granula.autograd.RandomStream;
import dev.granula.autograd.Variable;
import dev.granula.nn.Layer;
import dev.granula.nn.Linear;
import dev.granula.nn.Module;
import dev.granula.nn.Parameter;
import dev.granula.nn.Slot;
import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.ShapeException;
import dev.granula.tensor.Tensor;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A decoder language model: a distribution over the next token at every position. Parameters have
 * the names of Hugging Face's checkpoints; the seven projections of each layer are in slots, where
 * adapters can take their place.
 *
 * <pre>{@code
 * CausalLm model = Models.load(Path.of("Llama-3.2-1B"), Cpu.device());
 * try (var step = model.device().memory().step()) {
 *   model.loss(batch, 1.0 / batch.targetCount()).backward();
 * }
 * }</pre>
 */
public final class CausalLm extends Module {
  private final ModelConfig config;
  private final Origin origin;
  private final Decoder decoder;
  private final Slot<Layer> head;
  private final RotaryTable rotary;
  private final RandomStream random = new RandomStream(0);
  private boolean gradientCheckpointing;

  CausalLm(ModelConfig config, Weights weights, Origin origin) {
    this.config = config;
    this.origin = origin;
    decoder = register("model", new Decoder(config, weights.in("model")));
    head =
        slot(
            "lm_head",
            config.tiedEmbeddings()
                ? new TiedHead(decoder.embedding())
                : weights.linear("lm_head"));
    rotary = new RotaryTable(config, device());
  }

  public ModelConfig config() {
    return config;
  }

  public Device device() {
    return decoder.embedding().weight().data().device();
  }

  Origin origin() {
    return origin;
  }

  /**
   * The random numbers of dropout in this model: adapters that drop draw from here, so that a layer
   * that is run again for its gradient drops the same elements.
   */
  public RandomStream random() {
    return random;
  }

  /**
   * Whether layers are run again in the backward pass instead of keeping what it needs: about a
   * third more time for memory that does not grow with the number of layers, but for one hidden
   * state each.
   */
  public void setGradientCheckpointing(boolean enabled) {
    gradientCheckpointing = enabled;
  }

  public boolean isGradientCheckpointing() {
    return gradientCheckpointing;
  }

  /** The output head, also where it is tied to the embedding. */
  @Override
  public Optional<Layer> outputHead() {
    return Optional.of(head.get());
  }

  /** Hidden states behind the last norm, [B, T, hidden]. */
  public Variable hiddenStates(TokenBatch batch) {
    return hiddenStates(batch, null);
  }

  /**
   * Hidden states of tokens that follow those in {@code cache}, which takes them up. With a cache
   * nothing is recorded for gradients of earlier tokens: use it inside {@code Autograd.noGrad}.
   *
   * @throws ShapeException if an id is outside the vocabulary or a position outside the context
   */
  public Variable hiddenStates(TokenBatch batch, @Nullable KeyValueCache cache) {
    check(batch);
    if (cache != null) {
      cache.checkRoom(batch.length());
    }
    rotary.reach(batch.largestPosition());
    Sequences sequences =
        new Sequences(batch.positions(), rotary.cos(), rotary.sin(), batch.firstKey(), cache);
    boolean repeated = gradientCheckpointing && cache == null;
    Variable hidden = decoder.forward(batch.ids(), sequences, repeated ? random : null);
    if (cache != null) {
      cache.advance(batch.length());
    }
    return hidden;
  }

  private void check(TokenBatch batch) {
    if (batch.largestId() >= config.vocabularySize()) {
      throw new ShapeException(
          "model: token id %d is outside the vocabulary of %d; is this the model's tokenizer?"
              .formatted(batch.largestId(), config.vocabularySize()));
    }
    if (batch.largestPosition() >= config.contextLength()) {
      throw new ShapeException(
          "model: %d tokens are more than the context of %d; cut the text"
              .formatted(batch.largestPosition() + 1, config.contextLength()));
    }
  }

  /** Scores of the next token at every position, [B, T, vocabulary]. */
  public Variable logits(TokenBatch batch) {
    return logits(hiddenStates(batch));
  }

  /** Scores of the next token behind hidden states [..., hidden]. */
  public Variable logits(Variable hidden) {
    return head.get().forward(hidden);
  }

  /**
   * {@code scale} times the summed cross-entropy of each target with the prediction one position
   * before; {@code 1.0 / batch.targetCount()} gives the mean. Places whose next token is no target
   * cost the head nothing. The logits are not stored unless an adapter sits on the output head, or
   * the head is trained and they are few ({@link #mostKeptLogits}).
   */
  public Variable loss(TokenBatch batch, double scale) {
    Variable hidden = hiddenStates(batch);
    long tokens = batch.batchSize() * batch.length();
    Variable rows = hidden.reshape(tokens, config.hiddenSize());
    return Autograd.scratch(
        device(), () -> loss(rows.embedding(batch.asked()), batch.targets(), scale));
  }

  private Variable loss(Variable asked, Tensor targets, double scale) {
    Parameter weight = plainHeadWeight();
    boolean twice = weight != null && weight.isTrainable() && Autograd.isRecording();
    if (weight == null || twice && asked.shape().dim(0) <= mostKeptLogits()) {
      return logits(asked).crossEntropy(targets, scale);
    }
    return asked.headCrossEntropy(weight.variable(), targets, scale);
  }

  /**
   * Up to how many targets of a batch the loss keeps their logits where the head is trained: its
   * backward pass would have to compute them again, because the gradient of the weight needs the
   * sums of the whole softmax. They may take twice the room of the weight.
   */
  public long mostKeptLogits() {
    return 2L * config.hiddenSize();
  }

  /**
   * Memory that {@link #loss} takes meanwhile for as many targets where it does not keep their
   * logits, hidden states aside.
   */
  public long lossBytes(long targets) {
    Parameter weight = plainHeadWeight();
    return weight == null
        ? 0
        : device().backend().headCrossEntropyBytes(targets, weight.data(), DType.F32);
  }

  private @Nullable Parameter plainHeadWeight() {
    return switch (head.get()) {
      case Linear linear when linear.bias() == null -> linear.weight();
      case TiedHead tied -> tied.weight();
      default -> null;
    };
  }
}
