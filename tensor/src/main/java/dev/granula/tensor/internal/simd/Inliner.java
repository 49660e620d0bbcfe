package dev.granula.tensor.internal.simd;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeBuilder;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.TypeKind;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.ReturnInstruction;
import java.lang.classfile.instruction.StoreInstruction;
import java.lang.constant.ClassDesc;
import java.lang.constant.MethodTypeDesc;
import java.util.HashMap;
import java.util.Map;

/**
 * Copies the bytecode of straight-line static methods of {@link Primitives} and {@link VectorMath}
 * into a method that is being generated. C2 would inline the calls only while its graph has less
 * than 18,000 nodes, which about fifty vector operations use up; after that the vectors would be
 * boxed. The methods of the Vector API themselves are inlined without that limit.
 */
final class Inliner {
  private record Local(int slot, TypeKind kind) {}

  private final Map<ClassDesc, Map<String, CodeModel>> bodies = new HashMap<>();

  Inliner(Class<?>... libraries) {
    for (Class<?> library : libraries) {
      Map<String, CodeModel> methods = new HashMap<>();
      for (MethodModel method : parse(library).methods()) {
        method
            .code()
            .ifPresent(
                code ->
                    methods.put(
                        key(method.methodName().stringValue(), method.methodTypeSymbol()), code));
      }
      bodies.put(library.describeConstable().orElseThrow(), methods);
    }
  }

  private static ClassModel parse(Class<?> type) {
    try (InputStream file = type.getResourceAsStream(type.getSimpleName() + ".class")) {
      if (file == null) {
        throw new AssertionError("the class file of " + type + " is missing");
      }
      return ClassFile.of().parse(file.readAllBytes());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String key(String name, MethodTypeDesc type) {
    return name + type.descriptorString();
  }

  /** Prints the body of a method in place of its call; arguments and result are on the stack. */
  void call(CodeBuilder code, ClassDesc owner, String name, MethodTypeDesc type) {
    CodeModel body = bodies.getOrDefault(owner, Map.of()).get(key(name, type));
    if (body == null) {
      throw new AssertionError("no method to inline: " + owner + "." + name + type);
    }
    Map<Local, Integer> locals = new HashMap<>();
    int[] slots = new int[type.parameterCount()];
    int next = 0;
    for (int p = 0; p < slots.length; p++) {
      slots[p] = next;
      next += TypeKind.from(type.parameterType(p)).slotSize();
    }
    for (int p = slots.length - 1; p >= 0; p--) {
      TypeKind kind = TypeKind.from(type.parameterType(p)).asLoadable();
      code.storeLocal(kind, local(code, locals, slots[p], kind));
    }
    for (CodeElement element : body) {
      copy(code, locals, element);
    }
  }

  private void copy(CodeBuilder code, Map<Local, Integer> locals, CodeElement element) {
    switch (element) {
      case LoadInstruction load ->
          code.loadLocal(load.typeKind(), local(code, locals, load.slot(), load.typeKind()));
      case StoreInstruction store ->
          code.storeLocal(store.typeKind(), local(code, locals, store.slot(), store.typeKind()));
      case InvokeInstruction invoke
          when invoke.opcode() == Opcode.INVOKESTATIC
              && bodies.containsKey(invoke.owner().asSymbol()) ->
          call(code, invoke.owner().asSymbol(), invoke.name().stringValue(), invoke.typeSymbol());
      case ReturnInstruction _ -> {} // the result stays on the stack
      case Instruction instruction -> code.with(instruction);
      default -> {} // line numbers, variable names
    }
  }

  private static int local(CodeBuilder code, Map<Local, Integer> locals, int slot, TypeKind kind) {
    return locals.computeIfAbsent(new Local(slot, kind), _ -> code.allocateLocal(kind));
  }
}
