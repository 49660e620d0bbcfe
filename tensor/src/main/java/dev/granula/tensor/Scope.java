package dev.granula.tensor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The life of everything that is made inside one step. Closing a nested scope frees what nobody
 * else holds and hands the rest (kept results, tensors saved for a backward pass) to the enclosing
 * scope; closing the outermost one frees everything, unless it is a {@link Memory#scratch()}.
 *
 * <pre>{@code
 * try (var step = device.memory().step()) {
 *   ...
 * }
 * }</pre>
 *
 * <p>Scopes belong to the thread that opened them and close in reverse order.
 */
public final class Scope implements AutoCloseable {
  private final Memory memory;
  private final @Nullable Scope parent;
  private final boolean handsOver;
  private final List<Storage> storages = new ArrayList<>();
  private boolean closed;

  Scope(Memory memory, @Nullable Scope parent, boolean handsOver) {
    this.memory = memory;
    this.parent = parent;
    this.handsOver = handsOver;
  }

  @Nullable Scope parent() {
    return parent;
  }

  void add(Storage storage) {
    storage.enter(this);
    storages.add(storage);
  }

  /**
   * Lets {@code tensor} outlive this scope: the enclosing scope takes over, or the default scope
   * where there is none. Returns {@code tensor}. What this scope does not end stays as it is.
   *
   * @throws ReleasedTensorException if a tensor of this scope was freed already
   */
  public Tensor keep(Tensor tensor) {
    Storage storage = tensor.storage();
    if (storage.scope() == this) {
      memory.adopt(storage, parent);
    } else if (isHeldByOthersAlone(storage)) {
      storage.retain();
      memory.adopt(storage, parent);
    }
    return tensor;
  }

  /** This scope let go of its hold, as for the gradient of a leaf, but will end it all the same. */
  private boolean isHeldByOthersAlone(Storage storage) {
    return storage.scope() == null && !storage.isInDefaultScope() && storages.contains(storage);
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    memory.leave(this);
    closed = true;
    for (Storage storage : storages) {
      if (parent != null || handsOver) {
        handOver(storage);
      } else {
        end(storage);
      }
    }
  }

  private static void end(Storage storage) {
    if (!storage.isInDefaultScope()) {
      storage.free();
    }
  }

  /** What somebody still holds lives on in the enclosing scope, which ends it at the latest. */
  private void handOver(Storage storage) {
    if (storage.scope() == this) {
      storage.releaseFromScope();
    }
    if (storage.isReleased() || storage.scope() != null || storage.isInDefaultScope()) {
      return;
    }
    if (parent == null) {
      memory.watch(storage);
    } else {
      parent.storages.add(storage);
    }
  }
}
