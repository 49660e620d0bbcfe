package dev.granula.cuda;

import static dev.granula.cuda.Access.PACKED;
import static dev.granula.cuda.Access.PLAIN;
import static dev.granula.cuda.Access.SINGLE;
import static dev.granula.cuda.Access.SPREAD;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.DType;
import dev.granula.tensor.Device;
import dev.granula.tensor.Devices;
import dev.granula.tensor.Scope;
import dev.granula.tensor.Shape;
import dev.granula.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which operands are taken by packs; that the results are right is a matter of conformance. */
final class AccessTest {
  private final Device cpu = Devices.open("cpu");
  private final Scope step = cpu.memory().step();

  @AfterEach
  void close() {
    step.close();
    cpu.close();
  }

  private Tensor tensor(long... dims) {
    return Tensor.empty(cpu, DType.F32, Shape.of(dims));
  }

  private static void assertAccess(Access expected, Tensor in) {
    Tensor out = Tensor.empty(in.device(), in.dtype(), in.shape());
    List<Access> access = Access.of(out, in);
    assertEquals(List.of(expected == SINGLE ? SINGLE : PLAIN, expected), access);
    assertEquals(expected == SINGLE ? 1 : 4, Access.width(access));
  }

  @Test
  void rowsOfFours() {
    assertAccess(PLAIN, tensor(6, 896));
    assertAccess(PLAIN, tensor(6, 2));
    assertAccess(PLAIN, tensor(1, 8, 1));
    assertAccess(PACKED, tensor(896).expand(Shape.of(6, 896)));
    assertAccess(PACKED, tensor(6, 900).slice(1, 4, 900));
    assertAccess(PACKED, tensor(6, 5, 8).transpose(0, 1));
    assertAccess(SPREAD, tensor(6, 1).expand(Shape.of(6, 896)));
    assertAccess(SPREAD, tensor(1).expand(Shape.of(6, 2)));
    assertAccess(PLAIN, tensor(5, 9).slice(0, 4, 5).slice(1, 0, 8));
  }

  @Test
  void othersAreTakenOneByOne() {
    assertAccess(SINGLE, tensor(7));
    assertAccess(SINGLE, tensor(1));
    assertAccess(SINGLE, tensor(6, 7));
    assertAccess(SINGLE, tensor(7).expand(Shape.of(4, 7)));
    assertAccess(SINGLE, tensor(6, 898).slice(1, 2, 898));
    assertAccess(SINGLE, tensor(6, 901).slice(1, 0, 896));
    assertAccess(SINGLE, tensor(8, 4).transpose(0, 1));
    assertAccess(SINGLE, tensor(2, 6).slice(0, 1, 2).expand(Shape.of(4, 6)));
  }

  /** Of u [tokens, n, (j, s)] as z [j, tokens, (n, s)], in rank 32 and 4 blocks s is 8. */
  @Test
  void theCopyOfGraLorasOperandIsTakenByPacks() {
    assertAccess(PACKED, tensor(10, 4, 4, 8).permute(2, 0, 1, 3));
    assertAccess(SINGLE, tensor(10, 4, 4, 2).permute(2, 0, 1, 3));
  }

  @Test
  void rowKernelsTakePacksOfEveryRow() {
    assertEquals(4, Access.ofRows(tensor(6, 8), null, tensor(8)));
    assertEquals(4, Access.ofRows(tensor(6, 12).slice(1, 4, 12)));
    assertEquals(1, Access.ofRows(tensor(2, 6)));
    assertEquals(1, Access.ofRows(tensor(6, 8), tensor(8, 6).transpose(0, 1)));
    assertEquals(1, Access.ofRows(tensor(6, 1).expand(Shape.of(6, 8))));
  }
}
