/// A pickle that cannot be followed.
public enum PickleProblem: Error, Sendable, Hashable {
  /// The pickle stops in the middle of an opcode or without the stop opcode.
  case truncated
  /// A byte that is no opcode of protocols 0 to 5, or one that needs what a file cannot give.
  case opcode(UInt8)
  /// The protocol is newer than 5.
  case protocolVersion(Int)
  /// An opcode found fewer values on the stack than it takes.
  case stackUnderflow
  /// No mark on the stack where an opcode needs one.
  case noMark
  /// The memo has no such entry.
  case memo(Int)
  /// An argument that is not what the opcode takes.
  case argument(String)
  /// A value of the wrong kind on the stack.
  case kind(expected: String, found: String)
  /// The pickle does not end with exactly one value on the stack.
  case leftovers(count: Int)
  /// The values would take more memory than this reader gives a pickle.
  case memory(limit: Int)
  /// The pickle has more opcodes and short arguments than this reader takes.
  case length(limit: Int)
  /// Bytes behind the stop opcode: a second pickle may hide there.
  case trailingBytes(count: Int)
  /// The arguments of a known function, such as torch's tensor builders, are not what it takes.
  case call(function: String, problem: String)

  var text: String {
    switch self {
    case .truncated: "the pickle ends in the middle: truncated?"
    case .opcode(let code):
      "unknown pickle opcode 0x" + (code < 16 ? "0" : "") + String(code, radix: 16)
    case .protocolVersion(let version):
      "pickle protocol \(version), expected at most 5"
    case .stackUnderflow: "the opcode finds too few values on the stack"
    case .noMark: "the opcode finds no mark on the stack"
    case .memo(let index): "memo entry \(index) was never put"
    case .argument(let problem): problem
    case .kind(let expected, let found): "expected \(expected), found \(found)"
    case .leftovers(let count): "the pickle ends with \(count) values on the stack, expected 1"
    case .memory(let limit): "the pickle's values take more than \(limit) bytes"
    case .length(let limit):
      "the pickle is longer than \(limit) bytes, arrays of numbers aside"
    case .trailingBytes(let count):
      "\(count) byte\(count == 1 ? "" : "s") behind the end of the pickle"
    case .call(let function, let problem): "\(function): \(problem)"
    }
  }
}
