package dev.granula.autograd.op;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How to compute a result again: a cheap op and its operands, which the op's own backward pass
 * keeps anyway. Who would keep the result for a backward pass keeps the recipe instead; the first
 * reader runs the same kernel on the same operands, so the bits are the same, and the last one
 * frees what came out. The output of a norm and a gated product cost no memory between the passes
 * that way.
 */
public final class Recipe {
  private final Op op;
  private final Device device;
  private final List<Tensor> operands;
  private final List<@Nullable Recipe> operandRecipes;
  private final DType dtype;
  private final Shape shape;
  private int holders;
  private @Nullable Tensor value;

  private Recipe(
      Op op, Device device, List<Tensor> operands, List<@Nullable Recipe> recipes, Tensor result) {
    this.op = op;
    this.device = device;
    this.operands = operands;
    this.operandRecipes = recipes;
    this.dtype = result.dtype();
    this.shape = result.shape();
  }

  /**
   * The recipe of {@code result}, or null if keeping the result itself is the better choice: the op
   * is not cheap, or the recipe would keep operands that nothing else keeps.
   *
   * @param context of the call, after its forward pass
   * @param recipes of the operands, null where one has none
   */
  public static @Nullable Recipe of(
      Op op,
      Context context,
      List<Tensor> operands,
      List<@Nullable Recipe> recipes,
      Tensor result) {
    if (!op.isCheap() || context.keeps(result)) {
      return null;
    }
    for (Tensor operand : operands) {
      if (!operand.storage().isPersistent() && !context.keeps(operand)) {
        return null;
      }
    }
    return new Recipe(op, context.device(), operands, recipes, result);
  }

  /** False once the operands were freed: after the op's own backward pass. */
  boolean isAvailable() {
    for (int i = 0; i < operands.size(); i++) {
      Recipe recipe = operandRecipes.get(i);
      if (recipe == null ? operands.get(i).storage().isReleased() : !recipe.isAvailable()) {
        return false;
      }
    }
    return true;
  }

  /** Adds a holder; each call needs one {@link #release}. */
  void retain() {
    if (holders++ == 0) {
      for (int i = 0; i < operands.size(); i++) {
        Recipe recipe = operandRecipes.get(i);
        if (recipe == null) {
          operands.get(i).storage().retain();
        } else {
          recipe.retain();
        }
      }
    }
  }

  /** The result, which lives until the last holder lets go. */
  Tensor value() {
    Tensor known = value;
    if (known != null) {
      return known;
    }
    Tensor made = Tensor.empty(device, dtype, shape);
    made.storage().retain();
    made.storage().releaseFromScope();
    try (Scope _ = device.memory().scratch()) {
      List<Tensor> in = new ArrayList<>();
      for (int i = 0; i < operands.size(); i++) {
        Recipe recipe = operandRecipes.get(i);
        in.add(recipe == null ? operands.get(i) : recipe.value());
        in.getLast().storage().settle();
      }
      Context context = new Context(device, new boolean[in.size()], false);
      op.forward(context, in, made);
      context.endForward(List.of());
    }
    value = made;
    return made;
  }

  void release() {
    if (--holders > 0) {
      return;
    }
    Tensor made = value;
    if (made != null) {
      made.storage().release();
      value = null;
    }
    for (int i = 0; i < operands.size(); i++) {
      Recipe recipe = operandRecipes.get(i);
      if (recipe == null) {
        operands.get(i).storage().release();
      } else {
        recipe.release();
      }
    }
  }
}
