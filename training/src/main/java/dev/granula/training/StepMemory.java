package dev.granula.training;

import dev.granula.gralora.AdaptedLinear;
import dev.granula.gralora.Adapter;
import dev.granula.gralora.GraLoraConfig;
import dev.granula.gralora.LoraConfig;
import dev.granula.models.CausalLm;
import dev.granula.models.ModelConfig;
import dev.granula.nn.Parameter;
import dev.granula.tensor.DType;
import dev.granula.tensor.Memory;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/**
 * The memory that training takes besides what is held already, estimated before the first step. It
 * counts the tensors that the passes through {@code models.DecoderLayer} hold at their peak; a test
 * compares it with what the pool really hands out.
 *
 * @param stateBytes gradients and moments of the trained weights, and F32 copies of weights that
 *     are stored in 16 bits and trained
 * @param activationBytes what one forward and backward pass holds at its peak
 */
public record StepMemory(long stateBytes, long activationBytes) {
  /** A gradient and two moments. */
  private static final int STATE_PER_ELEMENT = 3;

  public long bytes() {
    return stateBytes + activationBytes;
  }

  /**
   * Training of a new adapter, which is attached already.
   *
   * @param layers that carry it
   * @param trained its weights
   * @param tokens of one forward pass
   */
  static StepMemory ofAdapter(
      CausalLm model,
      Collection<AdaptedLinear> layers,
      Collection<Parameter> trained,
      long tokens,
      boolean checkpointing) {
    long state = 0;
    for (Parameter parameter : trained) {
      state += STATE_PER_ELEMENT * Float.BYTES * parameter.shape().elementCount();
    }
    Passes passes = new Passes(model, tokens);
    for (AdaptedLinear layer : layers) {
      layer.active().forEach(passes::add);
    }
    return new StepMemory(state, passes.peak(checkpointing));
  }

  /** Training of all weights of {@code model}, before those stored in 16 bits are widened. */
  static StepMemory ofAllWeights(CausalLm model, long tokens, boolean checkpointing) {
    long state = 0;
    for (Parameter parameter : model.namedParameters().values()) {
      boolean widened = parameter.dtype() != DType.F32 && parameter.dtype() != DType.F64;
      long copies = STATE_PER_ELEMENT + (widened ? 1 : 0);
      state += copies * Float.BYTES * parameter.shape().elementCount();
    }
    Passes passes = new Passes(model, tokens);
    passes.keepLogits(Math.min(tokens, model.mostKeptLogits()));
    return new StepMemory(state, passes.peak(checkpointing));
  }

  /** The tensors of a forward and a backward pass, in bytes of the pool's blocks. */
  private static final class Passes {
    private final ModelConfig config;
    private final long tokens;
    private final long hidden;
    private final long inner;
    private final long queries;
    private final long keys;

    /** Inner products of all adapters: k of width r for GraLoRA. */
    private long adapters;

    private boolean drops;

    /** Of the loss itself, where logits are not kept. */
    private final long head;

    private long logits;

    Passes(CausalLm model, long tokens) {
      config = model.config();
      head = model.lossBytes(tokens);
      this.tokens = tokens;
      hidden = row(config.hiddenSize());
      inner = row(config.intermediateSize());
      queries = row(config.queryWidth());
      keys = row(config.keyValueWidth());
    }

    /** A tensor of {@code width} numbers per token. */
    private long row(long width) {
      return width == 0 ? 0 : Memory.blockBytes(Float.BYTES * tokens * width);
    }

    void add(Adapter adapter) {
      switch (adapter.config()) {
        case GraLoraConfig graLora -> {
          adapters += row((long) graLora.blocks() * graLora.rank()) + row(graLora.hybridRank());
          drops |= graLora.dropout() > 0;
        }
        case LoraConfig lora -> {
          adapters += row(lora.rank());
          drops |= lora.dropout() > 0;
        }
        default -> adapters += row(adapter.config().rank());
      }
    }

    /** Of as many targets, if there are no more: a batch may ask for fewer than its tokens. */
    void keepLogits(long targets) {
      logits = Memory.blockBytes(Float.BYTES * targets * config.vocabularySize());
    }

    /** What the backward pass of a layer reads, its output included; norms are computed again. */
    private long kept() {
      long attention = 2 * queries + 2 * keys + row(config.heads());
      long roots = 2 * row(1);
      return 2 * hidden + attention + 2 * inner + roots + adapters / config.layers();
    }

    /** What a layer makes on its way and frees when it is through. */
    private long passing() {
      long biases = config.queryKeyValueBias() ? queries + 2 * keys : 0;
      biases += config.attentionOutputBias() ? hidden : 0;
      biases += config.mlpBias() ? 2 * inner + hidden : 0;
      long norms = 2 * hidden;
      long rotated = queries + keys;
      return norms + rotated + inner + 2 * hidden + biases + (drops ? inner : 0);
    }

    /** The gradients of a layer that are there at once: around the gated product, or attention. */
    private long gradients() {
      long gated = 3 * inner + 2 * hidden + (drops ? 2 * inner : 0);
      long attention = 3 * queries + 4 * keys + 2 * hidden;
      return Math.max(gated, attention);
    }

    /** Between the layers: the embedding, the last norm, the gradient that the head forms. */
    long peak(boolean checkpointing) {
      long outside = 3 * hidden + row(1);
      // The gradient of the logits is gone before the first one of a layer is formed, and before
      // a layer is computed again.
      long loss = Math.max(head, 2 * logits);
      long layer = Math.max(passing(), gradients());
      return checkpointing
          ? outside + config.layers() * hidden + Math.max(loss, kept() + layer)
          : outside + config.layers() * kept() + Math.max(loss, layer);
    }
  }

  /** What to turn down, for the message of a run that does not fit. */
  record Settings(Method method, Batching batching, boolean checkpointing, boolean narrowWeights) {
    private String advice(Memory.Room room) {
      List<String> ways = new ArrayList<>();
      if (room.limit().contains("-XX:")) {
        ways.add("raise that limit");
      }
      if (batching.batchSize() > 1) {
        ways.add("lower the batch size (%d)".formatted(batching.batchSize()));
      }
      ways.add("lower the maximum length (%d)".formatted(batching.maxLength()));
      if (!checkpointing) {
        ways.add("turn on gradient checkpointing");
      }
      if (method instanceof Method.Full) {
        ways.add("train an adapter instead of all weights");
      } else {
        ways.add("lower the rank");
        if (!narrowWeights) {
          ways.add("store the base weights in BF16");
        }
      }
      return String.join(", or ", ways);
    }
  }

  /**
   * Checks that this much can still be taken.
   *
   * @throws TooLittleMemoryException if not
   */
  void requireRoom(String device, Memory memory, Settings settings) {
    Memory.Room room = memory.room();
    if (room != null && bytes() > room.bytes()) {
      throw new TooLittleMemoryException(device, this, room, settings.advice(room));
    }
  }
}
