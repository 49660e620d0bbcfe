package dev.granula.tensor.internal.simd;

import dev.granula.tensor.expression.Expression;
import dev.granula.tensor.expression.Program;
import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.Label;
import java.lang.classfile.TypeKind;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * Prints a {@link Program} as the bytecode of a {@link Loop}: straight-line vector code, one local
 * variable per node; what is done at each node is the bytecode of the method of {@link Primitives}
 * that has its name.
 *
 * <pre>{@code
 * run(in, inOffset, scalars, out, outOffset, n):
 *   x0 = in[0]; o0 = inOffset[0]; ...          // operands, and every node that does not change
 *   for (i = 0; i < n - (unroll * lanes - 1); i += unroll * lanes)
 *     unroll times: node after node; set(result, out, outOffset, i + u * lanes)
 *   if (i < n) tail(in, inOffset, scalars, out, outOffset, n, i)
 * tail(in, inOffset, scalars, out, outOffset, n, i):
 *   the same, one vector at a time under mask(i, n)
 * }</pre>
 *
 * Two methods, because C2 compiles two small ones better than one large one.
 */
final class LoopCompiler {
  private static final ClassDesc VECTOR = desc(FloatVector.class);
  private static final ClassDesc MASK = desc(VectorMask.class);
  private static final ClassDesc MEMORY = desc(MemorySegment.class);
  private static final ClassDesc LOOP = desc(Loop.class);
  private static final ClassDesc PRIMITIVES = desc(Primitives.class);
  private static final ClassDesc LONG = ConstantDescs.CD_long;
  private static final ClassDesc DOUBLES = ConstantDescs.CD_double.arrayType();
  private static final ClassDesc INT = ConstantDescs.CD_int;
  private static final ClassDesc FLOAT = ConstantDescs.CD_float;
  private static final ClassDesc VOID = ConstantDescs.CD_void;

  private static final MethodTypeDesc RUN =
      MethodTypeDesc.of(VOID, MEMORY.arrayType(), LONG.arrayType(), DOUBLES, MEMORY, LONG, INT);
  private static final MethodTypeDesc RUN_TAIL = RUN.insertParameterTypes(6, INT);
  private static final ClassDesc NAME = ClassDesc.of(Loop.class.getPackageName(), "CompiledLoop");

  /** Parameters of {@link Loop#run} by local variable. */
  private static final int IN = 1;

  private static final int IN_OFFSET = 2;
  private static final int SCALARS = 3;
  private static final int OUT = 4;
  private static final int OUT_OFFSET = 5;
  private static final int N = 7;

  /** The last parameter of the tail, a variable in {@link Loop#run}. */
  private static final int INDEX = 8;

  private static final Inliner INLINER = new Inliner(Primitives.class, VectorMath.class);
  private static final String TAIL = "tail";

  private final CodeBuilder code;
  private final Program program;
  private final long broadcast;
  private final Store store;
  private final int[] memory;
  private final int[] offset;
  private final int[] value;
  private final boolean masked;
  private final int maskLocal;
  private final int unroll;
  private final int[] partial;

  private LoopCompiler(
      CodeBuilder code, Program program, long broadcast, Store store, boolean masked) {
    this.code = code;
    this.program = program;
    this.broadcast = broadcast;
    this.store = store;
    this.memory = new int[program.inputs()];
    this.offset = new int[program.inputs()];
    this.value = new int[program.nodes().size()];
    this.masked = masked;
    if (!masked) {
      code.allocateLocal(TypeKind.INT); // INDEX
    }
    this.maskLocal = code.allocateLocal(TypeKind.REFERENCE);
    this.unroll = masked ? 1 : store.reduces() ? Store.PARTIALS / Simd.LANES : unroll();
    this.partial = new int[store.reduces() && !masked ? unroll : 0];
  }

  /**
   * Compiles {@code program}.
   *
   * @param broadcast bit i is set if operand i is one element for the whole loop
   */
  static synchronized Loop compile(Program program, long broadcast, Store store) {
    byte[] bytes = ClassFile.of().build(NAME, type -> print(type, program, broadcast, store));
    try {
      MethodHandles.Lookup hidden = MethodHandles.lookup().defineHiddenClass(bytes, true);
      MethodType constructor = MethodType.methodType(void.class);
      return (Loop) hidden.findConstructor(hidden.lookupClass(), constructor).invoke();
    } catch (Throwable t) {
      throw new AssertionError("a generated loop does not load: " + program.nodes(), t);
    }
  }

  private static void print(ClassBuilder type, Program program, long broadcast, Store store) {
    type.withFlags(ClassFile.ACC_FINAL).withSuperclass(LOOP);
    type.withMethodBody(
        ConstantDescs.INIT_NAME,
        ConstantDescs.MTD_void,
        0,
        code ->
            code.aload(0)
                .invokespecial(LOOP, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                .return_());
    type.withMethodBody(
        "run", RUN, 0, code -> new LoopCompiler(code, program, broadcast, store, false).printRun());
    type.withMethodBody(
        TAIL,
        RUN_TAIL,
        0,
        code -> new LoopCompiler(code, program, broadcast, store, true).printTail());
  }

  private void printRun() {
    printInvariants();
    for (int u = 0; u < partial.length; u++) {
      partial[u] = code.allocateLocal(TypeKind.REFERENCE);
      code.loadConstant(store.identity());
      call("splat", VECTOR, FLOAT);
      code.astore(partial[u]);
    }
    code.iconst_0().istore(INDEX);
    printLoop();
    for (int u = 0; u < partial.length; u++) {
      code.aload(partial[u]).aload(OUT).lload(OUT_OFFSET).loadConstant(u * Simd.LANES);
      call("set", VOID, VECTOR, MEMORY, LONG, INT);
    }
    Label done = code.newLabel();
    code.iload(INDEX).iload(N).if_icmpge(done);
    code.aload(0).aload(IN).aload(IN_OFFSET).aload(SCALARS).aload(OUT).lload(OUT_OFFSET);
    code.iload(N).iload(INDEX).invokevirtual(NAME, TAIL, RUN_TAIL);
    code.labelBinding(done).return_();
  }

  private void printTail() {
    printInvariants();
    printLoop();
    code.return_();
  }

  /** Independent chains hide latency; long bodies bring enough of them by themselves. */
  private int unroll() {
    int cost = 0;
    for (Expression node : program.nodes()) {
      cost += node instanceof Expression.Unary(Expression.Function f, _) && isLong(f) ? 20 : 1;
    }
    return cost <= 16 ? 4 : cost <= 48 ? 2 : 1;
  }

  private static boolean isLong(Expression.Function function) {
    return switch (function) {
      case EXP, LOG, TANH, ERF -> true;
      case NEG, RECIPROCAL, SQRT -> false;
    };
  }

  /** Whole steps of {@code unroll} vectors, or vectors under masks to the end. */
  private void printLoop() {
    int step = unroll * Simd.LANES;
    Label head = code.newLabel();
    Label end = code.newLabel();
    code.labelBinding(head).iload(INDEX).iload(N);
    if (!masked) {
      code.loadConstant(step - 1).isub();
    }
    code.if_icmpge(end);
    if (masked) {
      code.iload(INDEX).iload(N);
      call("mask", MASK, INT, INT);
      code.astore(maskLocal);
    }
    int[][] values = new int[unroll][];
    for (int u = 0; u < unroll; u++) {
      values[u] = value.clone();
    }
    for (int node = 0; node < value.length; node++) {
      for (int u = 0; u < unroll && !isInvariant(node); u++) {
        values[u][node] = printNode(node, values[u], u * Simd.LANES);
      }
    }
    for (int u = 0; u < unroll; u++) {
      int result = values[u][value.length - 1];
      if (masked) {
        printMaskedStore(result);
      } else if (store.reduces()) {
        code.aload(partial[u]).aload(result);
        callOnVectors(store == Store.SUM ? "add" : "max", 2);
        code.astore(partial[u]);
      } else {
        printStore(result, u * Simd.LANES);
      }
    }
    code.iinc(INDEX, step).goto_(head).labelBinding(end);
  }

  private void printInvariants() {
    for (int node = 0; node < value.length; node++) {
      if (program.nodes().get(node) instanceof Expression.Input(int i)) {
        memory[i] = code.allocateLocal(TypeKind.REFERENCE);
        offset[i] = code.allocateLocal(TypeKind.LONG);
        code.aload(IN).loadConstant(i).aaload().astore(memory[i]);
        code.aload(IN_OFFSET).loadConstant(i).laload().lstore(offset[i]);
      }
      if (isInvariant(node)) {
        value[node] = printNode(node, value, 0);
      }
    }
  }

  /** True if the node has the same value for all elements of a call. */
  private boolean isInvariant(int node) {
    if (program.nodes().get(node) instanceof Expression.Input(int i)) {
      return (broadcast >> i & 1) != 0;
    }
    for (int operand : program.operands().get(node)) {
      if (!isInvariant(operand)) {
        return false;
      }
    }
    return true;
  }

  /** Prints the computation of one node and returns the local variable that holds it. */
  private int printNode(int node, int[] values, int ahead) {
    int[] operands = program.operands().get(node);
    for (int operand : operands) {
      code.aload(values[operand]);
    }
    switch (program.nodes().get(node)) {
      case Expression.Input(int i) -> printLoad(i, ahead);
      case Expression.Scalar(int i) -> {
        code.aload(SCALARS).loadConstant(i).daload().d2f();
        call("splat", VECTOR, FLOAT);
      }
      case Expression.Constant(double c) -> {
        code.loadConstant((float) c);
        call("splat", VECTOR, FLOAT);
      }
      case Expression.Unary(Expression.Function f, _) -> callOnVectors(name(f), operands.length);
      case Expression.Binary(Expression.Operator o, _, _) ->
          callOnVectors(name(o), operands.length);
      case Expression.SelectLess _ -> callOnVectors("selectLess", operands.length);
    }
    int local = code.allocateLocal(TypeKind.REFERENCE);
    code.astore(local);
    return local;
  }

  private void printLoad(int input, int ahead) {
    code.aload(memory[input]).lload(offset[input]);
    if ((broadcast >> input & 1) != 0) {
      call("splat", VECTOR, MEMORY, LONG);
    } else if (masked) {
      code.iload(INDEX).aload(maskLocal);
      call("load", VECTOR, MEMORY, LONG, INT, MASK);
    } else {
      code.iload(INDEX).loadConstant(ahead).iadd();
      call("load", VECTOR, MEMORY, LONG, INT);
    }
  }

  private void printStore(int local, int ahead) {
    code.aload(local).aload(OUT).lload(OUT_OFFSET).iload(INDEX).loadConstant(ahead).iadd();
    call(name(store), VOID, VECTOR, MEMORY, LONG, INT);
  }

  private void printMaskedStore(int local) {
    code.aload(local).aload(OUT).lload(OUT_OFFSET).iload(INDEX).aload(maskLocal);
    call(name(store), VOID, VECTOR, MEMORY, LONG, INT, MASK);
  }

  private void callOnVectors(String name, int count) {
    List<ClassDesc> parameters = Collections.nCopies(count, VECTOR);
    INLINER.call(code, PRIMITIVES, name, MethodTypeDesc.of(VECTOR, parameters));
  }

  private void call(String name, ClassDesc result, ClassDesc... parameters) {
    INLINER.call(code, PRIMITIVES, name, MethodTypeDesc.of(result, parameters));
  }

  private static String name(Enum<?> primitive) {
    return primitive.name().toLowerCase(Locale.ROOT);
  }

  private static ClassDesc desc(Class<?> type) {
    return type.describeConstable().orElseThrow();
  }
}
