import Foundation
import TestSupport
import Testing

@testable import TensorCore

/// Long files, which go past the page cache.
@Suite struct DirectWriterTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private static let buffer = DirectWriter.bufferBytes

  /// Bytes of which no two blocks are equal.
  private func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56)
    }
  }

  private func direct(_ path: String) throws -> OutputFile {
    var file = try OutputFile(replacing: path)
    file.reserve(byteCount: 1 << 20, directFrom: 0)
    return file
  }

  /// Lengths around whole buffers, more than are under way at once, in pieces of every kind.
  @Test(arguments: [
    0, 1, 4095, buffer - 1, buffer, buffer + 1, 4 * buffer, 9 * buffer + 12_345,
  ]) func whatIsWrittenIsThere(_ count: Int) throws {
    let bytes = pattern(count)
    for piece in [1 << 12, 999_983, 3 * Self.buffer] {
      let path = folder.path("out.bin")
      var file = try direct(path)
      for start in stride(from: 0, to: count, by: piece) {
        #expect(file.position == start)
        try file.write(bytes.span.bytes.extracting(start..<min(start + piece, count)))
      }
      try file.commit()
      #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes)
    }
    #expect(folder.contents == ["out.bin"])
  }

  /// More than was announced and less: what was set aside goes back.
  @Test(arguments: [0, 100, 1 << 24]) func theLengthIsWhatWasWritten(_ announced: Int) throws {
    let bytes = pattern(3 * Self.buffer + 7)
    let path = folder.path("out.bin")
    var file = try OutputFile(replacing: path)
    file.reserve(byteCount: announced, directFrom: 0)
    try file.write(bytes.span.bytes)
    try file.commit()
    #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes)
  }

  /// Headers and checksums known last: in what has left, in what has not, and across both.
  @Test func bytesAreWrittenOver() throws {
    var bytes = pattern(6 * Self.buffer + 100)
    let path = folder.path("out.bin")
    var file = try direct(path)
    try file.write(bytes.span.bytes)
    for (offset, count) in [
      (0, 4096), (5, 7), (3 * Self.buffer - 3, 9), (6 * Self.buffer - 10, 20),
      (6 * Self.buffer + 90, 10),
    ] {
      let patch = pattern(count, seed: UInt64(offset) + 2)
      try file.overwrite(patch.span.bytes, at: offset)
      bytes.replaceSubrange(offset..<offset + count, with: patch)
    }
    let tail = pattern(Self.buffer, seed: 9)
    try file.write(tail.span.bytes)
    try file.commit()
    #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes + tail)
  }

  /// As for a tensor that another one equals.
  @Test(arguments: [
    0, 1, 4096, buffer, 4 * buffer - 1, 5 * buffer, 5 * buffer + 50, 5 * buffer + 100,
  ]) func whatIsTakenBackIsWrittenAnew(_ offset: Int) throws {
    var bytes = pattern(5 * Self.buffer + 100)
    let path = folder.path("out.bin")
    var file = try direct(path)
    try file.write(bytes.span.bytes)
    let patch = pattern(10, seed: 5)
    if offset >= 10 {
      try file.overwrite(patch.span.bytes, at: 0)
      bytes.replaceSubrange(0..<10, with: patch)
    }
    try file.rewind(to: offset)
    #expect(file.position == offset)
    let tail = pattern(2 * Self.buffer + 1, seed: 3)
    try file.write(tail.span.bytes)
    try file.commit()
    #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes[..<offset] + tail)
  }

  @Test func anAbandonedFileLeavesNothing() throws {
    do {
      var file = try direct(folder.path("out.bin"))
      try file.write(pattern(3 * Self.buffer).span.bytes)
    }
    #expect(folder.contents == [])
  }

  /// In memory, where there may be no way past the cache, and on the disk the same happens.
  @Test func aFileSystemWithoutDirectWritesTakesThemThroughTheCache() throws {
    let path = "/dev/shm/assay-\(ProcessInfo.processInfo.processIdentifier).bin"
    defer { unlink(path) }
    let bytes = pattern(2 * Self.buffer + 3)
    var file = try direct(path)
    try file.write(bytes.span.bytes)
    try file.commit()
    #expect(try [UInt8](Data(contentsOf: URL(filePath: path))) == bytes)
  }

  /// Wherever the disk fills up, the error arrives, at the latest at the end.
  @Test(arguments: [1 << 12, 3 << 20, (16 << 20) - 4096])
  func aFullDiskLeavesNothing(_ room: Int) async {
    await #expect(processExitsWith: .success) { [room] in
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: rlim_t(room), rlim_max: rlim_t(room))
      setrlimit(__rlimit_resource_t(1), &limit)
      let folder = try ScratchFolder()
      let path = folder.path("out.bin")
      var failure: FileError?
      do {
        var file = try OutputFile(replacing: path)
        file.reserve(byteCount: 16 << 20, directFrom: 0)
        try file.write([UInt8](repeating: 1, count: 16 << 20).span.bytes)
        try file.commit()
      } catch let error as FileError {
        failure = error
      }
      guard failure == FileError(.write, path: path, code: EFBIG), folder.contents == [] else {
        exit(1)
      }
    }
  }
}
