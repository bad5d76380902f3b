import TensorCore
import Testing

@testable import Checkpoints

/// Every function that is known, called with anything: no pickle may stop the reader.
@Suite struct KnownCallTests {
  /// Values of every kind, as pickles write them.
  private static let values: [[UInt8]] = [
    Array("N".utf8),
    [0x88],
    [UInt8(ascii: "K"), 0],
    [UInt8(ascii: "J"), 0xFF, 0xFF, 0xFF, 0xFF],
    [0x8A, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    [0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    [UInt8(ascii: "G"), 0x7F, 0xF0, 0, 0, 0, 0, 0, 0],
    text(""), text("latin1"), text("f4"), text("\u{FF}"),
    [UInt8(ascii: "C"), 0], [UInt8(ascii: "C"), 3, 1, 2, 3],
    Array(")".utf8), Array("]".utf8), Array("}".utf8),
    Array("(K\u{1}K\u{2}t".utf8),
    Array("((K\u{1}K\u{2}tt".utf8),
    global("torch", "FloatStorage"), global("numpy", "ndarray"), global("some", "thing"),
    global("some", "thing") + Array(")R".utf8),
    global("numpy", "dtype") + Array("(".utf8) + text("f4") + Array("tR".utf8),
    global("numpy", "_core.multiarray") + Array(")R".utf8),
  ]

  private static func text(_ text: String) -> [UInt8] {
    [0x8C, UInt8(text.utf8.count)] + Array(text.utf8)
  }

  private static func global(_ module: String, _ name: String) -> [UInt8] {
    text(module) + text(name) + [0x93]
  }

  static let names: [String] =
    KnownGlobal.builtins.keys.sorted().map { "builtins.\($0)" } + KnownGlobal.others.keys.sorted()
    + ["torch.Size", "torch.device", "torch.FloatStorage", "torch.UntypedStorage", "torch.Tensor"]

  @Test(arguments: names) func anyArgumentsAreTaken(_ name: String) throws {
    let parts = name.split(separator: ".")
    let function = Self.global(parts.dropLast().joined(separator: "."), String(parts.last ?? ""))
    for count in 0...8 {
      for first in Self.values.indices {
        // All of a kind, and each beside others.
        for step in [0, 1, 7] {
          let arguments = (0..<count).map { Self.values[(first + step * $0) % Self.values.count] }
          let call = function + Array("(".utf8) + arguments.joined() + Array("t".utf8)
          for ending in [Array("R.".utf8), [0x81, UInt8(ascii: ".")]] {
            check(call + ending)
          }
        }
      }
    }
    for state in Self.values {
      check(function + Array(")R".utf8) + state + Array("b.".utf8))
      check(function + state + Array("b.".utf8))
    }
  }

  /// Scans a pickle and reads it; both must come to an end, and the scan see the call.
  private func check(_ body: [UInt8]) {
    let bytes = [0x80, 4] + body
    let storage = ByteStorage(copying: bytes.span.bytes)
    #expect(!SafetyReport(scanning: storage, named: "call.pkl").pickles.isEmpty)
    _ = try? Checkpoint.open(storage, path: "call.pkl", isScanned: false)
  }
}
