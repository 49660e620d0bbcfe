/**
 * The safetensors format: files and sharded checkpoints, read with every rule of the reference
 * implementation (github.com/huggingface/safetensors) and written byte for byte as it writes them.
 */
@NullMarked
package dev.granula.tensor.safetensors;

import org.jspecify.annotations.NullMarked;
