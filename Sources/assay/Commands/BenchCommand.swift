internal import ArgumentParser
internal import Conversion
internal import Generation
internal import TensorCore

/// `assay bench`: how long the networks take.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times single evaluations of a model's networks.",
    discussion: """
      Every part is evaluated on fixed noise, once to warm up and then as often as asked. For a \
      comparison with PyTorch in one alternating run see Fixtures/benchmarks/torch_peer.py.
      """)

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Option(
    help: "What to evaluate: unet, decode, encode or text; may be repeated. Default: all.",
    transform: Self.part(named:))
  var part: [Benchmark.Part] = []

  @Option(help: "Rows and columns of the latents.")
  var latentSize = 64

  @Option(name: .customLong("repeat"), help: "Evaluations after the first.")
  var count = 3

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print one JSON object a line.")
  var json = false

  @Flag(help: "Read names of parts from the standard input and time one evaluation for each.")
  var onRequest = false

  func validate() throws {
    guard (1...1024).contains(latentSize) else {
      throw ValidationError("--latent-size is \(latentSize), expected 1 to 1024")
    }
    guard (1...10_000).contains(count) else {
      throw ValidationError("--repeat is \(count), expected 1 to 10000")
    }
  }

  func run() throws {
    let benchmark = try Benchmark(
      model: try ModelReader.open(path: model, options: reading.options).model,
      latentSize: latentSize)
    if onRequest { return try answer(with: benchmark) }
    var table = BenchmarkTable()
    for part in part.isEmpty ? Benchmark.Part.allCases : part {
      let result = try BenchmarkResult(part, count: count, with: benchmark)
      try MappingGuard.check()
      if json { try Console.writeLine(result.json.text()) } else { table.add(result) }
    }
    if !json { try Console.write("\(Benchmark.processor)\n\n" + table.text) }
  }

  private func answer(with benchmark: Benchmark) throws {
    while let line = readLine() {
      let result = try BenchmarkResult(once: try Self.part(named: line), with: benchmark)
      try Console.writeLine(result.json.text())
    }
  }

  private static func part(named name: String) throws -> Benchmark.Part {
    guard let part = Benchmark.Part(rawValue: name) else {
      throw ValidationError("'\(name)' is no part, expected unet, decode, encode or text")
    }
    return part
  }
}

/// The results as people read them.
private struct BenchmarkTable {
  private var table = Table([
    ("part", .left), ("median", .right), ("fastest", .right), ("peak memory", .right),
    ("of it mapped", .right),
  ])

  mutating func add(_ result: BenchmarkResult) {
    table.add([
      result.part.rawValue, Format.seconds(result.median),
      Format.seconds(result.seconds.min() ?? .nan), Format.bytes(result.peakBytes),
      Format.bytes(result.mappedBytes),
    ])
  }

  var text: String { table.text }
}
