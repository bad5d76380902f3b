public import ArgumentParser
public import Conversion
internal import Foundation
internal import KeyLayouts
internal import TensorCore

/// `assay extract-lora`: what a fine-tune changed, as a LoRA.
struct ExtractLoRACommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract-lora",
    abstract: "Puts the difference of two models into a LoRA.",
    discussion: """
      Each changed weight is approximated by a product of two small matrices, the best of its rank. \
      What the LoRA leaves and what it cannot hold is printed.
      """)

  @Argument(help: ArgumentHelp("The model that was tuned.", valueName: "base"))
  var base: String

  @Argument(help: ArgumentHelp("The tuned model.", valueName: "tuned"))
  var tuned: String

  @Option(name: .shortAndLong, help: ArgumentHelp("The LoRA, a .safetensors.", valueName: "path"))
  var output: String

  @Option(help: "The rank of every module, or with --energy the greatest.")
  var rank: Int?

  @Option(
    help: ArgumentHelp(
      "Take for each module the smallest rank that holds this share of the change's energy: 0.99.",
      valueName: "share"))
  var energy: Double?

  @Option(help: "The names in the file: kohya or diffusers.")
  var naming = ExtractionRequest.Naming.kohya

  @Option(help: ArgumentHelp("The type of the factors.", valueName: "type"))
  var dtype = FloatTypeArgument.f16

  @Option(help: ArgumentHelp("Only these components: unet, text_encoder.", valueName: "names"))
  var components: ComponentList?

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print every module's rank and error as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  func validate() throws {
    if rank == nil, energy == nil { throw ValidationError("expected --rank or --energy") }
    if let rank, !(1...4096).contains(rank) {
      throw ValidationError("--rank is \(rank), expected 1 to 4096")
    }
    if let energy, !(energy > 0 && energy <= 1) {
      throw ValidationError("--energy is \(energy), expected a share above 0 and up to 1")
    }
    if !output.hasSuffix(".safetensors") {
      throw ValidationError("-o is \(output), expected a .safetensors")
    }
  }

  func run() throws {
    try OutputFile.checkWritable(output, sparing: [base, tuned])
    var request = ExtractionRequest(
      output: output,
      goal: energy.map { .energy($0, limit: rank ?? 4096) } ?? .rank(rank ?? 64),
      naming: naming, elementType: dtype.elementType, tool: "assay \(Assay.version)")
    if let components { request.components = components.components }
    let models = try [base, tuned].map {
      try ModelReader.open(path: $0, options: reading.options)
    }
    let bar = ProgressBar("extracting", isQuiet: quiet)
    let report = try LoRAExtraction(from: models[0], to: models[1], request).run {
      bar.update(done: $0, of: $1)
    }
    bar.finish()
    if json {
      try Console.writeLine(report.json.text(indent: 2))
    } else if !quiet {
      try Console.write(report.text)
    }
  }
}

extension ExtractionRequest.Naming: ExpressibleByArgument {}

extension ExtractionReport {
  /// What the LoRA holds, what it leaves, and what is lost, for people.
  fileprivate var text: String {
    let ranks = modules.map(\.rank)
    let (least, most) = (ranks.min() ?? 0, ranks.max() ?? 0)
    var text = "\(output.escapingControls): \(Format.count(modules.count)) "
    text += "module\(modules.count == 1 ? "" : "s") of rank "
    text += least == most ? "\(least)" : "\(least) to \(most)"
    text += ", \(Format.bytes(byteCount))\n"
    text += "relative error \(relativeError.text(digits: 3)) of the changes that it holds; "
    text += "\(Format.fixed(100 * capturedShare, 2)) % of the energy of all changes\n"
    let worst = modules.sorted { $0.energy - $0.capturedEnergy > $1.energy - $1.capturedEnergy }
    var table = Table([
      ("module that it leaves most of", .left), ("rank", .right), ("norm", .right),
      ("energy held", .right),
    ])
    for module in worst.prefix(10) where module.share < 0.9999 {
      table.add([
        module.name, "\(module.rank)", (module.energy.squareRoot()).text(digits: 3),
        Format.fixed(100 * module.share, 2) + " %",
      ])
    }
    if worst.contains(where: { $0.share < 0.9999 }) { text += "\n" + table.text }
    return text + lossText
  }

  private var lossText: String {
    guard !losses.isEmpty else { return "" }
    var counts: [(reason: String, count: Int, energy: Double)] = []
    for loss in losses {
      if let place = counts.firstIndex(where: { $0.reason == loss.reason }) {
        counts[place].count += 1
        counts[place].energy += loss.energy ?? 0
      } else {
        counts.append((loss.reason, 1, loss.energy ?? 0))
      }
    }
    var text = "\nlost, for a LoRA has no place for it\n"
    for item in counts {
      let first = losses.first { $0.reason == item.reason }?.tensor ?? ""
      text +=
        "  \(Format.count(item.count)) changed tensor\(item.count == 1 ? " that" : "s of which each") "
      text += "\(item.reason), norm \((item.energy.squareRoot()).text(digits: 3)), "
      text += "first \(first.escapingControls)\n"
    }
    return text
  }
}
