public import ArgumentParser
internal import Checkpoints
public import Conversion
internal import KeyLayouts
internal import TensorCore

/// `assay merge`: LoRAs baked into a model, or models mixed into one.
struct MergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Bakes LoRAs into a model, or mixes models.",
    discussion: """
      With --lora, the result equals what diffusers' fuse_lora and PEFT compute; what of a LoRA has \
      no place in the model is named, and when nothing has, that is an error. With two or three \
      models, they are mixed tensor by tensor, whatever their containers and names. The result is \
      written as by convert, with the first model's names and files.
      """)

  @Argument(help: "Checkpoint, ingot or diffusers folder; with two or three, they are mixed.")
  var models: [String]

  @Option(
    name: .customLong("lora"),
    help: ArgumentHelp(
      "A LoRA to bake in and its strength, 1 by default: style.safetensors:0.8. May be repeated.",
      valueName: "file[:strength]"))
  var adapters: [AdapterArgument] = []

  @Option(
    help: ArgumentHelp(
      "weighted-sum (A and B), add-difference (A + ratio * (B - C)) or slerp (A and B). Default: by "
        + "the number of models.", valueName: "method"))
  var method: MergeMethod?

  @Option(
    help: ArgumentHelp(
      "How much of the others goes in: 0.3, or of a block unet.mid=0.3. May be repeated. Default: "
        + "0.5, of a difference 1.", valueName: "[block=]ratio"))
  var ratio: [RatioArgument] = []

  @OptionGroup var destination: OutputArguments
  @OptionGroup(title: "What goes into the result") var preparation: PreparationArguments
  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print the outcome and the whole ledger as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but warnings and errors.")
  var quiet = false

  func validate() throws {
    if adapters.isEmpty {
      guard models.count > 1 else {
        throw ValidationError("nothing to merge: name a --lora or a second model")
      }
      guard models.count == chosenMethod.modelCount else {
        throw ValidationError(
          "--method \(chosenMethod.rawValue) takes \(chosenMethod.modelCount) models, not "
            + "\(models.count)")
      }
      guard ratio.filter({ $0.block == nil }).count <= 1 else {
        throw ValidationError("--ratio is given twice without a block")
      }
      var blocks: Set<BlockName> = []
      for block in ratio.compactMap(\.block) where !blocks.insert(BlockName(block)).inserted {
        throw ValidationError("--ratio is given twice for '\(block)'")
      }
    } else {
      guard models.count == 1 else {
        throw ValidationError("--lora goes into one model: mix the models first")
      }
      guard method == nil, ratio.isEmpty else {
        throw ValidationError("--method and --ratio mix models: a --lora has its own strength")
      }
    }
  }

  private var chosenMethod: MergeMethod {
    method ?? (models.count == 3 ? .addDifference : .weightedSum)
  }

  func run() throws {
    let bar = ProgressBar("merging", isQuiet: quiet)
    let report = try merge { bar.update(done: $0, of: $1) }
    bar.finish()
    for warning in report.warnings { Console.warn(warning) }
    if json {
      try Console.writeLine(report.json.text(indent: 2))
    } else if !quiet {
      try Console.write(report.text)
    }
  }

  private func merge(progress: (Int, Int) -> Void) throws -> MergeReport {
    let (model, request) = try destination.open(models[0], reading, preparation, stated)
    let merger = Merger(model, request, overrides: try stated.overrides)
    guard adapters.isEmpty else {
      let options = ReadingOptions(usesMapping: !reading.withoutMapping)
      return try merger.run(
        adapters: adapters.map {
          AdapterMerge.Application(
            try Adapter.open(path: $0.path, options: options), strength: $0.strength)
        }, progress: progress)
    }
    let blocks = ratio.compactMap { argument in
      argument.block.map { (BlockName($0), argument.ratio) }
    }
    let ratios = BlockRatios(
      ratio.first { $0.block == nil }?.ratio ?? chosenMethod.defaultRatio, blocks: blocks)
    return try merger.run(
      chosenMethod,
      with: models.dropFirst().map { try ModelReader.open(path: $0, options: reading.options) },
      ratios: ratios, progress: progress)
  }
}

extension MergeMethod: ExpressibleByArgument {}
