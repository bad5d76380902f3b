import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

/// A Python with NumPy: the one that `ASSAY_PYTHON` names, or `python3`.
private let python: String? = {
  let candidates = [ProcessInfo.processInfo.environment["ASSAY_PYTHON"], "python3"]
  return candidates.compactMap { $0 }.first { candidate in
    (try? run([candidate, "-c", "import numpy"]))?.status == 0
  }
}()

private func run(_ arguments: [String]) throws -> (status: Int32, output: [UInt8]) {
  let process = Process()
  process.executableURL = URL(filePath: "/usr/bin/env")
  process.arguments = arguments
  let pipe = Pipe()
  process.standardOutput = pipe
  try process.run()
  let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  return (process.terminationStatus, Array(output))
}

@Suite struct IngotPythonTests {
  /// The reader that was written after `Docs/ingot.md` reads what the Swift writer writes.
  @Test(.enabled(if: python != nil, "no Python with NumPy (set ASSAY_PYTHON)"))
  func independentReaderAgrees() throws {
    let folder = try ScratchFolder()
    let path = folder.path("model.ingot")
    let tensors = makeVariety()
    try writeIngot(
      tensors, to: path, metadata: IngotRoundTripTests.metadata,
      attachments: IngotRoundTripTests.attachments)
    let script = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Fixtures/ingot/read_ingot.py").standardized
    let (status, output) = try run([
      try #require(python), script.path(percentEncoded: false), path,
    ])
    try #require(status == 0)
    let reader = try IngotReader(path: path)
    // Python writes NaN where JSON has no word for it; the reader script does not.
    let found = try JSON(parsing: output)
    #expect(found["fingerprint"]?.stringValue == reader.weightsFingerprint.description)
    #expect(found["metadata"] == .object(reader.metadata))
    for (path, bytes) in IngotRoundTripTests.attachments {
      #expect(
        found["attachments"]?[path]?.stringValue == String(decoding: bytes, as: UTF8.self))
    }
    for (index, tensor) in tensors.enumerated() {
      let entry = try #require(found["tensors"]?[tensor.name])
      let record = reader.record(at: index)
      #expect(entry["dtype"]?.stringValue == tensor.elementType.name)
      #expect(entry["shape"] == .array(tensor.shape.dimensions.map { .integer($0) }))
      #expect(entry["position"]?.intValue == index)
      #expect(entry["digest"]?.stringValue == record.digest.description)
      #expect(entry["sum"]?.intValue == tensor.bytes.reduce(0) { $0 + Int($1) })
      #expect(entry["zeros"]?.intValue == record.statistics?.zeroCount)
      if let mean = record.statistics?.mean, mean.isFinite {
        #expect(entry["mean"]?.doubleValue == mean)
      }
    }
  }
}
