import Foundation
import Inspection
import TensorCore

@testable import Checkpoints

// Whatever the bytes are, nothing may trap, hang or reach outside memory;
// what is opened must be readable to its last byte and describable as JSON that parses.

/// The targets by name; `ASSAY_FUZZING` chooses one.
private let targets: [String: @Sendable (ByteStorage) throws -> Void] = [
  "any": { try exercise(try Checkpoint.open($0, path: "fuzzed")) },
  "safetensors": {
    try exercise(try Checkpoint.open($0, as: .safetensors, path: "fuzzed", isScanned: false))
  },
  "zip": { try exercise(try Checkpoint.open($0, as: .pytorch, path: "fuzzed", isScanned: false)) },
  "pickle": {
    try exercise(try Checkpoint.open($0, as: .pytorch, path: "fuzzed", isScanned: false))
  },
  "legacy": {
    try exercise(try Checkpoint.open($0, as: .pytorch, path: "fuzzed", isScanned: false))
  },
  "gguf": { try exercise(try Checkpoint.open($0, as: .gguf, path: "fuzzed", isScanned: false)) },
  "npy": { try exercise(try Checkpoint.open($0, as: .numpy, path: "fuzzed", isScanned: false)) },
  "ingot": {
    try exercise(try Checkpoint.open(hashed($0), as: .ingot, path: "fuzzed", isScanned: false))
  },
  "index": { _ = try ShardIndex(storage: $0, path: "/fuzzed/model.safetensors.index.json") },
  "scan": { check(.object(SafetyReport(scanning: $0, named: "fuzzed").json)) },
  "json": { try exerciseJSON($0) },
]

nonisolated(unsafe) private var target: (@Sendable (ByteStorage) throws -> Void) = { _ in }

/// libFuzzer's driver: parses the command line, mutates, calls back (compiler-rt's FuzzerDriver).
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<CInt>, _ values: UnsafeMutablePointer<UnsafeMutableRawPointer>,
  _ callback: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Where the package manager's linker invocation makes a program start.
@_cdecl("fuzz_main")
public func start(_ count: CInt, _ values: UnsafeMutableRawPointer) -> CInt {
  let name = ProcessInfo.processInfo.environment["ASSAY_FUZZING"] ?? ""
  guard let chosen = targets[name] else {
    print("ASSAY_FUZZING is '\(name)', expected one of \(targets.keys.sorted())")
    return 2
  }
  target = chosen
  var (count, values) = (count, values)
  return runDriver(&count, &values) { bytes, count in
    let storage = ByteStorage(copying: UnsafeRawBufferPointer(start: bytes, count: count).bytes)
    try? target(storage)
    return 0
  }
}

/// The most tensor bytes that are read of one input: claims are cheap, copies are not.
private let byteLimit = 1 << 24

/// Reads everything and describes it.
private func exercise(_ checkpoint: Checkpoint) throws {
  check(CheckpointSummary(of: checkpoint).json)
  var left = byteLimit
  var hash = XXHash3Stream()
  for index in checkpoint.source.tensors.indices {
    guard let view = try? checkpoint.source.tensor(at: index) else { continue }
    left -= view.byteRange.count
    guard left >= 0 else { break }
    view.forEachChunk { hash.update($0) }
  }
  _ = try? checkpoint.attachments.files
}

/// What is printed for machines must parse.
private func check(_ json: JSON) {
  do { _ = try JSON(parsing: Array(json.text().utf8)) } catch {
    fatalError("the report is no JSON: \(error)")
  }
}

/// What parses is written as text that parses to the same.
private func exerciseJSON(_ storage: ByteStorage) throws {
  let value = try JSON(parsing: storage.array(in: 0..<storage.count))
  guard let again = try? JSON(parsing: Array(value.text().utf8)), again.text() == value.text()
  else { fatalError("\(value) does not survive being written") }
}

/// An ingot whose hashes of header and sections are made right, so that what they protect is
/// reached: Docs/ingot.md has the layout.
private func hashed(_ storage: ByteStorage) -> ByteStorage {
  var bytes = storage.array(in: 0..<storage.count)
  guard bytes.count >= 4096 else { return storage }
  func number(_ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
  }
  func put(_ value: UInt64, at offset: Int) {
    for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
  }
  put(UInt64(bytes.count), at: 16)
  for section in 0..<4 {
    let field = 24 + 24 * section
    let (start, length) = (number(field), number(field + 8))
    guard start <= UInt64(bytes.count), length <= UInt64(bytes.count) - start else { continue }
    var end = Int(start + length)
    if section == 3, length >= 8 {
      end =
        Int(start) + Int(min(number(Int(start)).addingReportingOverflow(8).partialValue, length))
    }
    put(
      XXHash3.hash64(bytes.span.bytes.extracting(Int(start)..<max(end, Int(start)))), at: field + 16
    )
  }
  put(0, at: 136)
  put(XXHash3.hash64(bytes.span.bytes.extracting(first: 4096)), at: 136)
  return ByteStorage(copying: bytes.span.bytes)
}
