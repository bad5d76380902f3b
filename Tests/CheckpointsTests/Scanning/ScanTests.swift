import TensorCore
import Testing

@testable import Checkpoints

@Suite struct ScanTests {
  @Test func theCasesAreThere() {
    #expect(ScanCase.all.count > 350)
  }

  @Test(arguments: ScanCase.all)
  func everyCaseGetsItsVerdict(_ scanCase: ScanCase) {
    let report = scanCase.report
    #expect(report.verdict == scanCase.verdict, "\(report.summary)")
    #expect(report.globals(.dangerous) == scanCase.dangerous)
    #expect(report.globals(.suspicious) == scanCase.suspicious)
    #expect(report.isProvedPlain == scanCase.isProvedPlain, "\(report.summary)")
    if let remark = scanCase.remark {
      #expect(report.remarks.contains { $0.text.contains(remark) }, "\(report.remarks)")
    }
  }

  /// Names of Python, torch, numpy and others that run code or reach out of the process, called with
  /// a text: `Fixtures/scanning/dangerous-names.txt`, with the lists of picklescan 1.0 and fickling
  /// 0.1 in it.
  @Test func noDangerousNameIsCalled() throws {
    let names = ScanCase.dangerousNames
    #expect(names.count > 800)
    for (module, name) in names {
      let report = ScanCase.report(calling: module, name)
      #expect(report.verdict == .dangerous, "\(module) \(name)")
    }
  }

  /// However a file is cut off, what was imported before the cut is still found.
  @Test func aCutHidesNothingInFrontOfIt() throws {
    let whole = try #require(ScanCase.all.first { $0.name == "protocol-2" })
    let name = "posix\nsystem\n"
    let end = 3 + name.utf8.count
    for count in end...whole.bytes.count {
      let part = Array(whole.bytes[..<count])
      let report = SafetyReport(scanning: ByteStorage(copying: part.span.bytes), named: "a.pkl")
      #expect(report.verdict == .dangerous, "\(count) bytes")
    }
  }

  /// A header whose length reaches past the end once trapped.
  @Test(arguments: ScanCase.all)
  func everyCutOfEveryCaseIsScanned(_ scanCase: ScanCase) {
    for count in 0..<min(scanCase.bytes.count, 400) {
      let part = Array(scanCase.bytes[..<count])
      let storage = ByteStorage(copying: part.span.bytes)
      let report = SafetyReport(scanning: storage, named: "cut.\(scanCase.ending)")
      let isInside = report.pickles.allSatisfy { pickle in
        // Offsets in a member that is inflated are those of its contents.
        !pickle.member.isEmpty || pickle.findings.allSatisfy { $0.offset < count }
      }
      #expect(isInside, "\(count) bytes")
    }
  }

  @Test func tensorBytesRaiseNoAlarm() {
    // Every byte in front, so that every opcode is what a storage starts with.
    for first in UInt8.min...UInt8.max {
      var state = UInt64(first) &* 0x9E37_79B9_7F4A_7C15 | 1
      var bytes: [UInt8] = [first]
      for _ in 0..<4096 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(UInt8(truncatingIfNeeded: state >> 56))
      }
      var scan = FileScan()
      scan.scan(ScanRegion(bytes), FileScan.Place().inner("archive/data/0"))
      #expect(scan.report.pickles.isEmpty, "\(first)")
      #expect(scan.report.remarks.isEmpty, "\(first)")
    }
  }

  /// torch writes the sizes for ZIP64 behind the directory. Counting back from the end over them
  /// meets the directory's second entry when the first takes 76 bytes; it was "listed twice".
  @Test func aDirectoryOfTorchIsReadOnce() {
    func record(_ fields: [UInt8]..., name: String) -> [UInt8] {
      fields.flatMap { $0 } + Array(name.utf8)
    }
    func little(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let zeros = { (count: Int) in [UInt8](repeating: 0, count: count) }
    let names = [String(repeating: "a", count: 21) + "/data.pkl", "b/version"]
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for name in names {
      let length = little(name.utf8.count, 2)
      directory += record(
        little(0x0201_4B50, 4), zeros(24), length, zeros(12), little(file.count, 4), name: name)
      file += record(little(0x0403_4B50, 4), zeros(22), length, zeros(2), name: name)
    }
    let (start, size) = (file.count, directory.count)
    file += directory
    let end64 = file.count
    file += little(0x0606_4B50, 4) + little(44, 8) + zeros(12) + little(2, 8) + little(2, 8)
    file += little(size, 8) + little(start, 8)
    file += little(0x0706_4B50, 4) + zeros(4) + little(end64, 8) + little(1, 4)
    file += little(0x0605_4B50, 4) + zeros(4) + little(2, 2) + little(2, 2)
    file += little(size, 4) + little(start, 4) + zeros(2)
    let report = SafetyReport(scanning: ByteStorage(copying: file.span.bytes), named: "a.pt")
    #expect(report.remarks.map(\.text) == [])
    let doubled = LooseZip(ScanRegion(file), limit: 100)
    #expect(doubled?.members.count == 2)
  }

  /// The length of a header may begin as the version of a pickle does.
  @Test(arguments: [128, 384, 640, 896, 1152, 1408, 0x6380])
  func aSafetensorsIsNoPickle(length: Int) {
    let text = #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
    let header = Array(text.utf8) + [UInt8](repeating: 0x20, count: length - text.utf8.count)
    var file = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header
    file += [0, 0, 128, 63]
    for name in ["a.safetensors", "a.ckpt", "a"] {
      // White space may stand in front of the brace.
      let spaced = file.prefix(8) + [0x20, 0x0A] + file[8..<6 + length] + file[(8 + length)...]
      // Whole, with something behind, and cut off.
      for bytes in [file, file + [1], Array(file.dropLast()), Array(spaced)] {
        let report = SafetyReport(scanning: ByteStorage(copying: bytes.span.bytes), named: name)
        #expect(report.container == "safetensors")
        #expect(report.pickles.isEmpty, "\(report.summary)")
      }
    }
  }

  @Test func aPickleIsFoundWhateverItIsCalled() throws {
    let whole = try #require(ScanCase.all.first { $0.name == "protocol-2" })
    let report = SafetyReport(
      scanning: ByteStorage(copying: whole.bytes.span.bytes), named: "a.safetensors")
    #expect(report.verdict == .dangerous)
  }

  @Test func offsetsAreThoseOfTheFile() throws {
    let scanCase = try #require(ScanCase.all.first { $0.name == "second-pickle" })
    let report = scanCase.report
    let second = try #require(report.pickles.last)
    let finding = try #require(second.findings.first { $0.action == "import" })
    #expect(scanCase.bytes[second.offset] == 0x80)
    #expect(scanCase.bytes[finding.offset] == 0x93)
  }
}

@Suite struct GlobalJudgementTests {
  @Test(arguments: [
    ("torch._utils", "_rebuild_tensor_v2"), ("torch", "_utils._rebuild_tensor_v2"),
    ("collections", "OrderedDict"), ("numpy._core.multiarray", "_reconstruct"),
    ("torch", "float8_e4m3fn"), ("__builtin__", "set"), ("pathlib", "PosixPath"),
    ("_codecs", "encode"), ("copyreg", "_reconstructor"), ("operator", "or_"),
    ("numpy.ma", "MaskedArray"), ("torch._utils", "torch.channels_last"),
    ("torch._C", "_VariableFunctionsClass.silu"), ("numpy.dtypes", "Float32DType"),
    ("exceptions", "ValueError"), ("types", "GenericAlias"),
  ])
  func safe(_ module: String, _ name: String) {
    #expect(GlobalJudgement(module: module, name: name).verdict == .safe)
  }

  @Test(arguments: [
    ("some.package", "Thing"), ("collections", "OrderedDict.fromkeys"), ("torch", "serialization"),
    ("builtins", "type"), ("builtins", "map"), ("collections", "namedtuple"),
    // The Kelvin sign is equal to K for Swift, not for Python.
    ("builtins", "\u{212A}eyError"),
  ])
  func suspicious(_ module: String, _ name: String) {
    #expect(GlobalJudgement(module: module, name: name).verdict == .suspicious)
  }

  @Test(arguments: [
    ("os", "system"), ("os.path", "join"), ("posix", "system"), ("builtins", "eval"),
    ("builtins", "eval.__call__"), ("builtins", "object.__subclasses__"), ("numpy", "load"),
    ("numpy.testing._private.utils", "runstring"), ("torch", "jit.load"), ("torch.hub", "load"),
    ("my.module", "os.system"), ("my.module", "eval"), ("collections", "_sys.modules.get.__self__"),
    ("os ", "system"), ("\tos", "system"), ("_private", "anything"), ("joblib", "load"),
    ("argparse", "_sys.modules"), ("torch.storage", "io.open"),
    ("torch.nn.modules.module", "torch.hub.load"), ("pathlib", "PosixPath.unlink"),
    ("torch._C", "_import_ir_module"), ("pydantic.v1.utils", "import_string"),
    ("pathlib", "Path.rename"), ("torch", "PyTorchFileWriter"), ("torch._C._nn", "_helper"),
    ("torch._private.module", "name"), ("numpy.lib.anything", "name"), ("contextlib", "closing"),
    ("typing", "_eval_type"), ("torch._C", "_VariableFunctionsClass.from_file"),
    ("_codecs", "lookup"), ("omegaconf", "OmegaConf.load"),
  ])
  func dangerous(_ module: String, _ name: String) {
    #expect(GlobalJudgement(module: module, name: name).verdict == .dangerous)
  }
}

@Suite struct PythonLiteralTests {
  private func integer(_ text: String, _ base: Int) -> Int? {
    PythonLiteral.integer(text, base: base)?.integerValue
  }

  @Test func integersAreReadAsPythonReadsThem() {
    for (text, value) in [
      ("5", 5), (" 5 ", 5), ("+5", 5), ("-5", -5), ("1_000", 1000), ("0x1F", 31), ("0b101", 5),
      ("0o17", 15), ("017", 15), ("5\0junk", 5), ("9223372036854775807", .max),
      ("-9223372036854775808", .min),
    ] {
      #expect(integer(text, 0) == value, "\(text)")
    }
    for text in ["", "_1", "1_", "1__0", "0x", "5 5", "five", "1e3", "0b2"] {
      #expect(integer(text, 0) == nil, "\(text)")
    }
    #expect(integer("017", 10) == 17)
  }

  @Test func longIntegersAreTwosComplement() {
    for (text, bytes) in [
      ("18446744073709551616", [0, 0, 0, 0, 0, 0, 0, 0, 1]),
      ("-18446744073709551616", [0, 0, 0, 0, 0, 0, 0, 0, 255]),
      ("18446744073709551615", [255, 255, 255, 255, 255, 255, 255, 255, 0]),
    ] as [(String, [UInt8])] {
      guard case .bigInteger(let found)? = PythonLiteral.integer(text, base: 10) else {
        Issue.record("\(text)")
        continue
      }
      #expect(found == bytes, "\(text)")
    }
  }

  @Test func stringsAreReadAsPythonReadsThem() {
    func quoted(_ text: String) -> String? {
      PythonLiteral.quoted(ArraySlice(text.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(quoted(#"'a\x62\143\n\q\\\''"#) == "abc\n\\q\\'")
    #expect(quoted(#""double""#) == "double")
    for text in ["", "'", "plain", "'open", #"'\x4'"#, #"'\"#] {
      #expect(quoted(text) == nil, "\(text)")
    }
    func raw(_ text: String) -> String? { PythonLiteral.rawUnicode(ArraySlice(text.utf8)) }
    #expect(raw(#"\u006fs \U0001F600 \n"#) == "os \u{1F600} \\n")
    // A backslash takes the next one with it.
    #expect(raw(#"\\u006f"#) == #"\\u006f"#)
    #expect(raw(#"\ud800"#) == #"\ud800"#)
    for text in [#"\u12"#, #"\U00110000"#, #"\u+123"#] { #expect(raw(text) == nil, "\(text)") }
    #expect(PythonLiteral.surrogatePass([0x61, 0xED, 0xA0, 0x80, 0x62]) == #"a\ud800b"#)
    #expect(PythonLiteral.surrogatePass([0xFF]) == nil)
  }
}
