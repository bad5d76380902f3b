import Foundation
import TestSupport
import Testing

@testable import TensorCore

@Suite struct OutputTests {
  @Test func aFileAppearsWhole() throws {
    let folder = try ScratchFolder()
    let path = folder.path("out.bin")
    try Data("old".utf8).write(to: URL(filePath: path))
    var file = try OutputFile(replacing: path)
    try file.write("head")
    try file.pad(to: 100)
    let large = [UInt8](repeating: 7, count: 3 << 20)
    try file.write(large.span.bytes)
    try file.overwrite(Array("HEAD".utf8).span.bytes, at: 0)
    #expect(file.position == 100 + large.count)
    #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == "old")
    try file.commit()
    let expected = Data("HEAD".utf8) + Data(count: 96) + Data(large)
    #expect(try Data(contentsOf: URL(filePath: path)) == expected)
    #expect(folder.contents == ["out.bin"])
  }

  @Test func anAbandonedFileLeavesNothing() throws {
    let folder = try ScratchFolder()
    let path = folder.path("out.bin")
    try Data("old".utf8).write(to: URL(filePath: path))
    do {
      var file = try OutputFile(replacing: path)
      try file.write("new")
    }
    #expect(folder.contents == ["out.bin"])
    #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == "old")
  }

  @Test func aFolderInTheWayIsNamed() throws {
    let folder = try ScratchFolder()
    let path = folder.path("")
    #expect(throws: FileError(.isFolder, path: path)) { _ = try OutputFile(replacing: path) }
    let missing = folder.path("missing/out.bin")
    #expect(throws: FileError(.create, path: missing, code: ENOENT)) {
      _ = try OutputFile(replacing: missing)
    }
  }

  /// Renamed over a device, an output would take its place: `/dev/null` for the whole machine.
  @Test func whatIsNoPlainFileIsNeitherReplacedNorWaitedFor() throws {
    let folder = try ScratchFolder()
    let path = folder.path("pipe")
    #expect(mkfifo(path, 0o600) == 0)
    #expect(throws: FileError(.notRegular, path: path)) { _ = try OutputFile(replacing: path) }
    #expect(throws: FileError(.notRegular, path: path)) { _ = try MappedFile(path: path) }
    #expect(folder.contents == ["pipe"])
  }

  @Test func anEmptyPathIsRefusedAtOnce() {
    #expect(throws: FileError(.create, path: "''", code: ENOENT)) {
      _ = try OutputFile(replacing: "")
    }
    #expect(throws: FileError(.create, path: "''", code: ENOENT)) {
      _ = try OutputFolder(creating: "")
    }
  }

  /// A write that fails half way, as on a full disk: the limit on a file's size stands in for it.
  @Test func aFullDiskLeavesNothing() async {
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 4 << 20, rlim_max: 4 << 20)
      setrlimit(__rlimit_resource_t(1), &limit)
      let folder = try ScratchFolder()
      let path = folder.path("out.bin")
      var failure: FileError?
      do {
        var file = try OutputFile(replacing: path)
        try file.write([UInt8](repeating: 1, count: 8 << 20).span.bytes)
        try file.commit()
      } catch let error as FileError {
        failure = error
      }
      guard failure == FileError(.write, path: path, code: EFBIG), folder.contents == [] else {
        exit(1)
      }
    }
  }

  @Test func aFolderAppearsWhole() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model")
    let output = try OutputFolder(creating: path)
    let file = try output.file("unet/config.json")
    try Data("{}".utf8).write(to: URL(filePath: file))
    #expect(!FileManager.default.fileExists(atPath: path))
    try output.commit()
    #expect(folder.contents == ["model"])
    #expect(FileManager.default.fileExists(atPath: path + "/unet/config.json"))
    #expect(throws: FileError(.notEmpty, path: path)) {
      _ = try OutputFolder(creating: path)
    }
  }

  @Test func anAbandonedFolderLeavesNothing() throws {
    let folder = try ScratchFolder()
    do {
      let output = try OutputFolder(creating: folder.path("model"))
      try Data("{}".utf8).write(to: URL(filePath: try output.file("a/b/c.json")))
    }
    #expect(folder.contents == [])
    try Data().write(to: URL(filePath: folder.path("file")))
    #expect(throws: FileError(.notFolder, path: folder.path("file"))) {
      _ = try OutputFolder(creating: folder.path("file"))
    }
  }

  /// In a process of its own: what the guard found stays found.
  @Test func aShrinkingFileIsAnErrorAndNoCrash() async {
    await #expect(processExitsWith: .success) {
      let folder = try ScratchFolder()
      let path = folder.path("in.bin")
      try Data(repeating: 9, count: 1 << 20).write(to: URL(filePath: path))
      let storage = ByteStorage(try MappedFile(path: path))
      try MappingGuard.check()
      truncate(path, 8192)
      let sum = storage.withBytes(in: 0..<storage.count) { bytes in
        bytes.withUnsafeBytes { $0.reduce(0) { $0 + Int($1) } }
      }
      guard sum == 9 * 8192 else { exit(2) }
      do {
        try MappingGuard.check()
        exit(3)
      } catch {
        guard error as? FileError == FileError(.shrank, path: path) else { exit(4) }
      }
      var file = try OutputFile(replacing: folder.path("out.bin"))
      try file.write("x")
      do {
        try file.commit()
        exit(5)
      } catch {
        guard (error as? FileError)?.operation == .shrank, folder.contents == ["in.bin"] else {
          exit(6)
        }
      }
    }
  }

  @Test func whatCannotBeMapped() throws {
    let folder = try ScratchFolder()
    let missing = folder.path("missing")
    #expect(throws: FileError(.open, path: missing, code: ENOENT)) {
      _ = try MappedFile(path: missing)
    }
    #expect(throws: FileError(.isFolder, path: folder.path(""))) {
      _ = try MappedFile(path: folder.path(""))
    }
    #expect(throws: FileError(.notRegular, path: "/dev/null")) {
      _ = try MappedFile(path: "/dev/null")
    }
    try Data().write(to: URL(filePath: folder.path("empty")))
    #expect(ByteStorage(try MappedFile(path: folder.path("empty"))).count == 0)
  }

  @Test func whatIsTakenBackIsNotInTheFile() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path()
    defer { try? FileManager.default.removeItem(atPath: path) }
    var file = try OutputFile(replacing: path)
    try file.write("kept, ")
    let end = file.position
    try file.write(String(repeating: "lost", count: 1 << 19))
    try file.rewind(to: end)
    #expect(file.position == end)
    try file.write("and more")
    try file.commit()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept, and more")
  }
}
