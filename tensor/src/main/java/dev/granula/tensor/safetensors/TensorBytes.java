package dev.granula.tensor.safetensors;

import dev.granula.tensor.Device;
import dev.granula.tensor.Tensor;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;

/**
 * Moves the bytes of row-major tensors between files and devices, in pieces and never by a mapping:
 * kernels that see mapped and native segments at one access site lose most of their speed.
 */
final class TensorBytes {
  private static final long PIECE_BYTES = 8L << 20;

  private TensorBytes() {}

  /** Fills {@code target} from the file, starting at {@code position}. */
  static void read(FileChannel channel, long position, Tensor target) throws IOException {
    requireLittleEndian();
    Device device = target.device();
    MemorySegment memory = target.contiguousMemory();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment staging = device.isHost() ? MemorySegment.NULL : staging(arena, memory);
      for (long done = 0; done < memory.byteSize(); done += PIECE_BYTES) {
        MemorySegment piece = piece(memory, done);
        if (device.isHost()) {
          readFully(channel, position + done, piece.asByteBuffer());
        } else {
          MemorySegment host = staging.asSlice(0, piece.byteSize());
          readFully(channel, position + done, host.asByteBuffer());
          device.upload(host, piece);
        }
      }
    }
  }

  /** Appends the elements of {@code source} to the file. */
  static void write(Tensor source, FileChannel channel) throws IOException {
    requireLittleEndian();
    Device device = source.device();
    MemorySegment memory = source.contiguousMemory();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment staging = device.isHost() ? MemorySegment.NULL : staging(arena, memory);
      for (long done = 0; done < memory.byteSize(); done += PIECE_BYTES) {
        MemorySegment piece = piece(memory, done);
        if (device.isHost()) {
          writeFully(channel, piece.asByteBuffer());
        } else {
          MemorySegment host = staging.asSlice(0, piece.byteSize());
          device.download(piece, host);
          writeFully(channel, host.asByteBuffer());
        }
      }
    }
  }

  static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Fills {@code bytes}, which is empty yet, from {@code position} on. */
  static void readFully(FileChannel channel, long position, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.read(bytes, position + bytes.position()) < 0) {
        throw new EOFException("the file became shorter while it was read");
      }
    }
  }

  private static MemorySegment staging(Arena arena, MemorySegment memory) {
    return arena.allocate(Math.max(1, Math.min(PIECE_BYTES, memory.byteSize())));
  }

  private static MemorySegment piece(MemorySegment memory, long from) {
    return memory.asSlice(from, Math.min(PIECE_BYTES, memory.byteSize() - from));
  }

  /** Files are little-endian; tensors have the order of the machine. */
  private static void requireLittleEndian() throws IOException {
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IOException("safetensors: big-endian machines are not supported");
    }
  }
}
