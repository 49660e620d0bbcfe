package dev.granula.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.Backend;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** No kernel falls back to one that another class provides. */
final class CudaBackendTest {
  @Test
  void overridesEveryMethod() {
    List<Method> missing =
        Arrays.stream(Backend.class.getMethods()).filter(method -> !isDeclared(method)).toList();
    assertEquals(List.of(), missing);
  }

  private static boolean isDeclared(Method method) {
    return Arrays.stream(CudaBackend.class.getDeclaredMethods())
        .anyMatch(
            own ->
                own.getName().equals(method.getName())
                    && Arrays.equals(own.getParameterTypes(), method.getParameterTypes()));
  }
}
