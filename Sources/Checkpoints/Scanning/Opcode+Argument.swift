extension Opcode {
  /// What follows an opcode's byte.
  enum Argument {
    /// So many bytes.
    case fixed(Int)
    /// A little-endian count of so many bytes, and the bytes counted.
    case counted(Int)
    /// So many lines.
    case lines(Int)
  }

  /// What follows the byte (CPython's `pickletools.py`).
  var argument: Argument {
    switch self {
    case .proto, .binInt1, .binPut, .binGet, .extension1: .fixed(1)
    case .binInt2, .extension2: .fixed(2)
    case .binInt, .longBinPut, .longBinGet, .extension4: .fixed(4)
    case .binFloat, .frame: .fixed(8)
    case .long1, .shortBinString, .shortBinBytes, .shortBinUnicode: .counted(1)
    case .long4, .binString, .binBytes, .binUnicode: .counted(4)
    case .binBytes8, .byteArray8, .binUnicode8: .counted(8)
    case .int, .long, .float, .string, .unicode, .get, .put, .persistent: .lines(1)
    case .global, .instance: .lines(2)
    default: .fixed(0)
    }
  }

  /// How Python's own disassembler calls the opcodes that make a call.
  var callName: String {
    switch self {
    case .reduce: "REDUCE"
    case .newObject: "NEWOBJ"
    case .newObjectWithKeywords: "NEWOBJ_EX"
    case .instance: "INST"
    case .object: "OBJ"
    case .build: "BUILD"
    case .append: "APPEND"
    case .appends: "APPENDS"
    case .addItems: "ADDITEMS"
    case .setItem: "SETITEM"
    case .setItems: "SETITEMS"
    case .persistent: "PERSID"
    case .binPersistent: "BINPERSID"
    default: "0x" + String(rawValue, radix: 16)
    }
  }
}

extension Unpickler {
  /// Moves past the argument of an opcode whose byte was read; `false` when it reaches past the
  /// end.
  mutating func skipArgument(of opcode: Opcode) -> Bool {
    do throws(PickleProblem) {
      switch opcode.argument {
      case .fixed(let count): try skip(count)
      case .counted(let width):
        guard let count = Int(exactly: try number(width)) else { return false }
        try skip(count)
      case .lines(let count):
        for _ in 0..<count {
          guard let end = bytes.lineEnd(from: position) else { return false }
          position = end + 1
        }
      }
      return true
    } catch {
      return false
    }
  }
}
