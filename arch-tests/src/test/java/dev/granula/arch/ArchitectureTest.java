package dev.granula.arch;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.Architectures.LayeredArchitecture;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The dependency arrows between the modules and the places that alone may use the Vector API and
 * foreign memory. A module descriptor holds the arrows of its module; this test also fails for an
 * arrow that somebody adds to a descriptor.
 */
@AnalyzeClasses(packages = "dev.granula", importOptions = DoNotIncludeTests.class)
final class ArchitectureTest {
  /** Each module with the modules that it may use. */
  private static final Map<String, List<String>> ARROWS =
      Map.of(
          "tensor", List.of(),
          "autograd", List.of("tensor"),
          "nn", List.of("autograd", "tensor"),
          "gralora", List.of("nn", "autograd", "tensor"),
          "models", List.of("nn", "autograd", "tensor"),
          "training", List.of("gralora", "models", "nn", "autograd", "tensor"),
          "cli", List.of("training", "gralora", "models", "nn", "autograd", "tensor"),
          "samples", List.of("training", "gralora", "models", "nn", "autograd", "tensor"),
          "cuda", List.of("tensor"));

  @ArchTest static final ArchRule arrowsPointOneWay = arrows();

  @ArchTest
  static final ArchRule oneHomeOfTheVectorApi =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.granula.tensor.internal.simd")
          .should()
          .dependOnClassesThat(resideInAPackage("jdk.incubator.vector.."));

  @ArchTest
  static final ArchRule foreignMemoryStaysBelow =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.granula.tensor..", "dev.granula.cuda..")
          .should()
          .dependOnClassesThat(resideInAPackage("java.lang.foreign.."));

  @ArchTest
  static final ArchRule trainingPrintsNothing =
      noClasses().that().resideInAPackage("dev.granula.training..").should(ACCESS_STANDARD_STREAMS);

  @ArchTest
  static final ArchRule terminalLibrariesStayInTheCommand =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.granula.cli..")
          .should()
          .dependOnClassesThat(resideInAnyPackage("picocli..", "me.tongfei.progressbar.."));

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("dev.granula.(**)").should().beFreeOfCycles();

  /** Guards the other rules, which hold for a module whose classes are not on the class path. */
  @ArchTest
  static void everyModuleIsSeen(JavaClasses classes) {
    assertEquals(
        ARROWS.keySet(),
        classes.stream()
            .map(c -> c.getPackageName().split("\\.", -1)[2])
            .collect(Collectors.toSet()));
  }

  private static ArchRule arrows() {
    LayeredArchitecture layers =
        layeredArchitecture().consideringOnlyDependenciesInAnyPackage("dev.granula..");
    for (String module : ARROWS.keySet()) {
      layers = layers.layer(module).definedBy("dev.granula." + module + "..");
    }
    for (Map.Entry<String, List<String>> arrow : ARROWS.entrySet()) {
      var layer = layers.whereLayer(arrow.getKey());
      layers =
          arrow.getValue().isEmpty()
              ? layer.mayNotAccessAnyLayer()
              : layer.mayOnlyAccessLayers(arrow.getValue().toArray(String[]::new));
    }
    return layers;
  }
}
