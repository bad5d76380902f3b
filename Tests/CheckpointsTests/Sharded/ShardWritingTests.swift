import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct ShardWritingTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private static func tensors(_ sizes: [Int]) -> [TensorDescription] {
    sizes.enumerated().map {
      TensorDescription(name: "t\($0)", elementType: .uint8, shape: [$1])
    }
  }

  static let plans: [(sizes: [Int], limit: Int?, ranges: [Range<Int>])] = [
    ([], 10, [0..<0]), ([5, 5, 5], nil, [0..<3]), ([5, 5], 10, [0..<2]),
    ([5, 5, 1], 10, [0..<2, 2..<3]), ([11, 1, 1], 10, [0..<1, 1..<3]),
    ([1, 11, 1], 10, [0..<1, 1..<2, 2..<3]), ([20], 10, [0..<1]),
    ([0, 0, 10, 0, 1], 10, [0..<4, 4..<5]), ([1, 1, 1], 1, [0..<1, 1..<2, 2..<3]),
  ]

  @Test(arguments: plans)
  func filesAreFilledInOrder(sizes: [Int], limit: Int?, ranges: [Range<Int>]) {
    #expect(ShardPlan(Self.tensors(sizes), limit: limit, path: "x").ranges == ranges)
  }

  static let names: [(path: String, first: String)] = [
    ("a/m.safetensors", "a/m-00001-of-00002.safetensors"), ("m", "m-00001-of-00002"),
    ("a.b/m", "a.b/m-00001-of-00002"), ("m.fp16.safetensors", "m.fp16-00001-of-00002.safetensors"),
    ("d/.hidden", "d/.hidden-00001-of-00002"),
  ]

  @Test(arguments: names) func shardsAreNamedAsTransformersDoes(path: String, first: String) {
    let plan = ShardPlan(Self.tensors([1, 1]), limit: 1, path: path)
    #expect(plan.paths.first == first)
    #expect(plan.indexPath == path + ".index.json")
  }

  /// Writes tensors whose bytes are their number; returns before `finish` when `stop` says so.
  private func write(_ sizes: [Int], limit: Int?, stop: Int? = nil) throws {
    let tensors = Self.tensors(sizes)
    var writer = try SafetensorsWriter(
      to: Destination(path: scratch.path("m.safetensors"), shardBytes: limit))
    try writer.begin(tensors: tensors, metadata: ["note": "x"])
    for (index, tensor) in tensors.enumerated() where index < stop ?? .max {
      let bytes = [UInt8](repeating: UInt8(index), count: sizes[index])
      try writer.append(
        TensorView(
          description: tensor, storage: ByteStorage(copying: bytes.span.bytes),
          byteRange: 0..<bytes.count))
    }
    if stop == nil { try writer.finish() }
  }

  private var files: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: scratch.path("")).sorted() }
  }

  @Test func whatWasWrittenIsReadBack() throws {
    try write([3, 4, 20, 0, 5], limit: 8)
    #expect(
      try files == [
        "m-00001-of-00003.safetensors", "m-00002-of-00003.safetensors",
        "m-00003-of-00003.safetensors", "m.safetensors.index.json",
      ])
    for path in ["m.safetensors.index.json", ""] {
      let checkpoint = try Checkpoint.open(path: scratch.path(path))
      #expect(checkpoint.source.tensors == Self.tensors([3, 4, 20, 0, 5]))
      #expect(checkpoint.metadata == ["note": "x", "format": "pt"])
      for (index, size) in [3, 4, 20, 0, 5].enumerated() {
        let bytes = try checkpoint.source.tensor(at: index).withBytes { $0.array }
        #expect(bytes == [UInt8](repeating: UInt8(index), count: size))
      }
    }
  }

  @Test func oneFileIsEnoughWhereAllFits() throws {
    try write([3, 4], limit: 8)
    #expect(try files == ["m.safetensors"])
  }

  @Test(arguments: 0...4) func whatIsNotFinishedLeavesNothing(count: Int) throws {
    try write([3, 4, 20, 1], limit: 4, stop: count)
    #expect(try files == [])
  }

  @Test func aShardThatCannotBeWrittenLeavesNothing() throws {
    let shard = "m-00002-of-00003.safetensors"
    try FileManager.default.createDirectory(
      atPath: scratch.path(shard), withIntermediateDirectories: true)
    #expect {
      try write([3, 4, 5], limit: 1)
    } throws: {
      "\($0)" == "\(scratch.path(shard)): is a folder, expected a file"
    }
    #expect(try files == [shard])
  }

  @Test func leftoversOfAnotherDivisionAreNamed() throws {
    try write([1, 1, 1], limit: 1)
    try write([1, 1, 1], limit: 2)
    let two = ShardPlan(Self.tensors([1, 1, 1]), limit: 2, path: scratch.path("m.safetensors"))
    let three = (1...3).map { scratch.path("m-0000\($0)-of-00003.safetensors") }
    #expect(two.leftovers == three)
    try write([1, 1, 1], limit: nil)
    #expect(two.leftovers == three + [scratch.path("m.safetensors")])
    let one = ShardPlan(Self.tensors([1, 1, 1]), limit: nil, path: scratch.path("m.safetensors"))
    #expect(one.leftovers == (two.paths + three + [two.indexPath ?? ""]).sorted())
  }
}
