package dev.granula.tensor.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.granula.tensor.Backend;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The whole suite. A back end passes if a subclass that names its device passes. A case is called
 * {@code kernel_situation}.
 */
public abstract class BackendConformance
    implements MatmulConformance,
        PointwiseConformance,
        NormConformance,
        AttentionConformance,
        LossConformance,
        RandomConformance {

  @Test
  void everyKernelHasACase() {
    Set<String> kernels =
        Arrays.stream(Backend.class.getMethods())
            .map(Method::getName)
            .filter(name -> !name.equals("name"))
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> cases =
        Arrays.stream(getClass().getMethods())
            .map(Method::getName)
            .filter(name -> name.contains("_"))
            .map(name -> name.substring(0, name.indexOf('_')))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(kernels, cases);
  }
}
