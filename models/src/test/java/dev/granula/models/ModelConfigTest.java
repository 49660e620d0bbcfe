package dev.granula.models;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class ModelConfigTest {
  private static final JsonMapper JSON = new JsonMapper();

  @TempDir Path folder;

  @Test
  void readsBothFormsOfTransformers() {
    ModelConfig five = ModelConfig.read(ModelGoldens.directory("llama-tiny"));
    ModelConfig four = ModelConfig.read(ModelGoldens.directory("llama-sharded"));
    assertEquals(new RopeConfig.Llama3(5e5, 8, 1, 4, 256), five.rope());
    assertEquals(five.rope(), four.rope());
    assertEquals(List.of(2), five.eosTokenIds());
    assertEquals(List.of(1, 2), four.eosTokenIds());
    ModelConfig qwen = ModelConfig.read(ModelGoldens.directory("qwen2-tiny"));
    assertTrue(qwen.queryKeyValueBias() && !qwen.attentionOutputBias());
    assertEquals(new RopeConfig.Plain(1e6), qwen.rope());
    assertEquals(12, ModelConfig.read(ModelGoldens.directory("llama-tied")).headDim());
  }

  @Test
  void fillsInTheDefaultsOfTransformers() throws IOException {
    write(
        "{'model_type':'llama','vocab_size':9,'hidden_size':8,'intermediate_size':4,"
            + "'num_hidden_layers':1,'num_attention_heads':2}");
    ModelConfig config = ModelConfig.read(folder);
    assertEquals(2, config.keyValueHeads());
    assertEquals(4, config.headDim());
    assertEquals(1e-6, config.rmsNormEps());
    assertEquals(new RopeConfig.Plain(10_000), config.rope());
    assertEquals(List.of(), config.eosTokenIds());
  }

  @Test
  void generationConfigNamesTheEnd() throws IOException {
    write(llama().toString());
    Files.writeString(folder.resolve("generation_config.json"), "{\"eos_token_id\":[7,8]}");
    assertEquals(List.of(7, 8), ModelConfig.read(folder).eosTokenIds());
  }

  /** A field, its value and what the message must name. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "model_type | 'gpt9' | gpt9",
        "model_type | 'gpt9' | llama, qwen2",
        "hidden_act | 'gelu' | gelu",
        "rope_parameters | {'rope_type':'yarn','rope_theta':1} | yarn",
        "rope_parameters | {'rope_theta':1} | rope_type",
        "rope_parameters | {'rope_type':'llama3'} | original_max_position_embeddings",
        "rope_parameters | {'rope_type':'default','mrope_section':[1]} | mrope_section",
        "rope_scaling | {'type':'linear','factor':2} | linear",
        "num_key_value_heads | 3 | num_key_value_heads",
        "head_dim | 3 | head_dim",
        "vocab_size | 1.5 | vocab_size",
        "vocab_size | 'x' | vocab_size",
        "hidden_size | 0 | hidden_size",
        "hidden_size | null | hidden_size: is missing",
        "num_hidden_layers | -1 | num_hidden_layers",
        "rms_norm_eps | 0 | rms_norm_eps",
        "attention_dropout | 0.1 | attention_dropout",
        "quantization_config | {} | quantization_config",
        "eos_token_id | 96 | eos_token_id",
        "eos_token_id | ['a'] | eos_token_id",
        "tie_word_embeddings | 1 | tie_word_embeddings",
      })
  void refuses(String field, String value, String named) throws IOException {
    ObjectNode config = llama();
    config.remove("rope_parameters");
    config.set(field, JSON.readTree(value.replace('\'', '"')));
    write(config.toString());
    ModelFormatException e =
        assertThrows(ModelFormatException.class, () -> ModelConfig.read(folder));
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @Test
  void refusesSlidingWindows() throws IOException {
    ObjectNode config = (ObjectNode) JSON.readTree(golden("qwen2-tiny"));
    config.put("use_sliding_window", true);
    config.putArray("layer_types").add("full_attention").add("sliding_attention");
    write(config.toString());
    ModelFormatException e =
        assertThrows(ModelFormatException.class, () -> ModelConfig.read(folder));
    assertEquals(2, e.problems().size(), e.getMessage());
  }

  @Test
  void reportsAllProblemsTogether() throws IOException {
    ObjectNode config = llama();
    config.put("hidden_act", "gelu").put("rms_norm_eps", -1).remove("vocab_size");
    write(config.toString());
    Files.writeString(folder.resolve("generation_config.json"), "{");
    ModelFormatException e =
        assertThrows(ModelFormatException.class, () -> ModelConfig.read(folder));
    for (String named :
        List.of("hidden_act", "rms_norm_eps", "vocab_size", "generation_config.json")) {
      assertTrue(e.getMessage().contains(named), e.getMessage());
    }
  }

  @Test
  void refusesFilesThatAreNoConfiguration() throws IOException {
    assertThrows(ModelFormatException.class, () -> ModelConfig.read(folder));
    for (String text : List.of("", "[]", "{\"model_type\":1}", "{\"a\":1,\"a\":2}", "{}x")) {
      write(text);
      assertThrows(ModelFormatException.class, () -> ModelConfig.read(folder), text);
    }
  }

  @Test
  void checksWhatIsBuiltByHand() {
    ModelFormatException e =
        assertThrows(
            ModelFormatException.class,
            () -> ModelConfig.builder("qwen2").hiddenSize(8).mlpBias(true).build());
    assertTrue(e.getMessage().contains("vocab_size"), e.getMessage());
    assertTrue(e.getMessage().contains("qwen2 has biases"), e.getMessage());
    assertThrows(ModelFormatException.class, () -> ModelConfig.builder("opt").build());
  }

  private static ObjectNode llama() throws IOException {
    return (ObjectNode) JSON.readTree(golden("llama-tiny"));
  }

  private static String golden(String name) throws IOException {
    return Files.readString(ModelGoldens.directory(name).resolve("config.json"));
  }

  private void write(String json) throws IOException {
    Files.writeString(folder.resolve("config.json"), json.replace('\'', '"'));
  }
}
