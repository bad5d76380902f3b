internal import TensorCore

/// Follows a pickle of protocols 0 to 5 without running anything (CPython's `pickletools.py`
/// defines the opcodes, `_pickle.c` what they take).
///
/// The machine is the real one: a stack, marks, a memo. What differs is that a class or function is
/// a name: known ones make plain data, all others make opaque objects that keep their arguments.
struct Unpickler {
  /// The whole file or member; a pickle may start in the middle.
  var bytes: PickleBytes
  /// The next byte to read.
  var position: Int
  /// Where the opcode being followed starts, for messages.
  var opcodeStart = 0
  var stack: [PickleValue] = []
  var marks: [Int] = []
  var memo = PickleMemo()
  var heap = PickleHeap()
  /// How many values were copied by calls, which a few bytes of pickle can ask for.
  var copies = 0
  /// Takes note of what Python would import and call, where that is asked for: see
  /// `followTracing`.
  var trace: PickleTrace?

  /// In torch's tar form, the storages and tensors that the archive holds beside the pickle.
  var archived: [Int: PickleValue]?
  /// Where the pickle starts.
  private let start: Int
  /// How many bytes of the pickle were left where they are, as arrays of numbers.
  var skippedBytes = 0

  /// The most bytes of a pickle that are followed, arrays of numbers aside. Checkpoints have a few
  /// hundred bytes a tensor.
  static let lengthLimit = 1 << 25
  /// The most memory that the values of a pickle may take, as `weight` estimates it.
  static let weightLimit = 1 << 27

  init(_ bytes: PickleBytes, at position: Int = 0) {
    self.bytes = bytes
    self.position = position
    start = position
  }

  init(_ storage: ByteStorage, in range: Range<Int>, at position: Int = 0) {
    self.init(PickleBytes(storage, in: range), at: position)
  }

  /// An estimate of the memory that the values take, with room for arrays that double.
  var weight: Int { heap.weight + 64 * stack.count + memo.weight + 8 * marks.count }

  /// Follows one pickle up to its stop opcode; `position` is then behind it.
  mutating func run() throws(PickleProblem) -> PickleValue {
    while true {
      opcodeStart = position
      let code = try byte()
      if code == UInt8(ascii: ".") { break }
      guard let opcode = Opcode(rawValue: code) else { throw .opcode(code) }
      try follow(opcode)
      guard weight <= Self.weightLimit else { throw .memory(limit: Self.weightLimit) }
      guard position - start - skippedBytes <= Self.lengthLimit else {
        throw .length(limit: Self.lengthLimit)
      }
    }
    guard marks.isEmpty, stack.count == 1 else { throw .leftovers(count: stack.count) }
    return stack.removeLast()
  }

  // MARK: Stack

  mutating func pop() throws(PickleProblem) -> PickleValue {
    // A value below the innermost mark belongs to an unfinished container.
    guard stack.count > marks.last ?? 0 else { throw .stackUnderflow }
    return stack.removeLast()
  }

  mutating func popToMark() throws(PickleProblem) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw .noMark }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  var top: PickleValue {
    get throws(PickleProblem) {
      guard stack.count > marks.last ?? 0, let value = stack.last else { throw .stackUnderflow }
      return value
    }
  }

  // MARK: Bytes

  mutating func byte() throws(PickleProblem) -> UInt8 {
    guard position < bytes.count else { throw .truncated }
    defer { position += 1 }
    return bytes.byte(at: position)
  }

  mutating func take(_ count: Int) throws(PickleProblem) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.count - position else { throw .truncated }
    if count > 15 {
      guard count <= Self.lengthLimit else { throw .length(limit: Self.lengthLimit) }
      heap.weight += 2 * count + 32
      guard weight <= Self.weightLimit else { throw .memory(limit: Self.weightLimit) }
    }
    defer { position += count }
    return bytes.bytes(in: position..<position + count)
  }

  /// Moves past bytes that are not looked at.
  mutating func skip(_ count: Int) throws(PickleProblem) {
    guard count >= 0, count <= bytes.count - position else { throw .truncated }
    position += count
  }

  /// A little-endian number of `width` bytes.
  mutating func number(_ width: Int) throws(PickleProblem) -> UInt64 {
    try take(width).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Bytes behind their own count.
  mutating func counted(_ width: Int) throws(PickleProblem) -> ArraySlice<UInt8> {
    guard let count = Int(exactly: try number(width)) else { throw .truncated }
    return try take(count)
  }

  /// The text up to the end of the line, without it.
  mutating func line() throws(PickleProblem) -> String {
    try text(try lineBytes())
  }

  /// The bytes up to the end of the line, without it.
  mutating func lineBytes() throws(PickleProblem) -> ArraySlice<UInt8> {
    guard let end = bytes.lineEnd(from: position) else { throw .truncated }
    let line = try take(end - position)
    position += 1
    return line
  }

  func text(_ bytes: ArraySlice<UInt8>) throws(PickleProblem) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    guard let text = PythonLiteral.surrogatePass(bytes) else {
      throw .argument("a string is not valid UTF-8")
    }
    return text
  }

  /// A string of Python 2, which may be text or bytes.
  func oldString(_ bytes: ArraySlice<UInt8>) -> PickleValue {
    if bytes.allSatisfy({ $0 < 0x80 }) {
      return .string(String(decoding: bytes, as: UTF8.self))
    }
    return .bytes(Array(bytes))
  }

  /// A whole number of any length, from little-endian two's complement.
  static func whole(_ bytes: ArraySlice<UInt8>) -> PickleValue {
    guard bytes.count <= 8 else { return .bigInteger(Array(bytes)) }
    var value: UInt64 = (bytes.last ?? 0) & 0x80 != 0 ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    return .integer(Int(bitPattern: UInt(value)))
  }
}

/// The opcodes of protocols 0 to 5.
enum Opcode: UInt8 {
  case mark = 0x28
  case emptyTuple = 0x29
  case pop = 0x30
  case popMark = 0x31
  case duplicate = 0x32
  case binBytes = 0x42
  case shortBinBytes = 0x43
  case float = 0x46
  case binFloat = 0x47
  case int = 0x49
  case binInt = 0x4A
  case binInt1 = 0x4B
  case long = 0x4C
  case binInt2 = 0x4D
  case none = 0x4E
  case persistent = 0x50
  case binPersistent = 0x51
  case reduce = 0x52
  case string = 0x53
  case binString = 0x54
  case shortBinString = 0x55
  case unicode = 0x56
  case binUnicode = 0x58
  case emptyList = 0x5D
  case append = 0x61
  case build = 0x62
  case global = 0x63
  case dictionary = 0x64
  case appends = 0x65
  case get = 0x67
  case binGet = 0x68
  case instance = 0x69
  case longBinGet = 0x6A
  case list = 0x6C
  case object = 0x6F
  case put = 0x70
  case binPut = 0x71
  case longBinPut = 0x72
  case setItem = 0x73
  case tuple = 0x74
  case setItems = 0x75
  case emptyDictionary = 0x7D
  case proto = 0x80
  case newObject = 0x81
  case extension1 = 0x82
  case extension2 = 0x83
  case extension4 = 0x84
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case newTrue = 0x88
  case newFalse = 0x89
  case long1 = 0x8A
  case long4 = 0x8B
  case shortBinUnicode = 0x8C
  case binUnicode8 = 0x8D
  case binBytes8 = 0x8E
  case emptySet = 0x8F
  case addItems = 0x90
  case frozenSet = 0x91
  case newObjectWithKeywords = 0x92
  case stackGlobal = 0x93
  case memoize = 0x94
  case frame = 0x95
  case byteArray8 = 0x96
  case nextBuffer = 0x97
  case readOnlyBuffer = 0x98
}
