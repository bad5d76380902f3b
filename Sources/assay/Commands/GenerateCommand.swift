internal import ArgumentParser
internal import Conversion
internal import Foundation
internal import Generation
internal import Schedulers
internal import TensorCore

/// `assay generate`: text to picture.
struct GenerateCommand: ParsableCommand {
  /// The samplers by their short names.
  enum Sampler: String, ExpressibleByArgument, CaseIterable {
    case pndm, ddim, euler

    var kind: SchedulerKind {
      switch self {
      case .pndm: .pndm
      case .ddim: .ddim
      case .euler: .euler
      }
    }
  }

  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Draws pictures from prompts.",
    discussion: """
      Every prompt is drawn with every seed. One picture goes to the path given; several go to \
      numbered files beside it (out-1.png, out-2.png), or onto one sheet with --grid. The same \
      seed gives the same picture as diffusers on the CPU.
      """)

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Argument(help: "What the picture shows; several prompts give several pictures.")
  var prompts: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("The PNG file.", valueName: "path"))
  var output: String

  @Option(
    help: ArgumentHelp("One seed, or several: 1,2,5 or 10-17.", valueName: "seeds"))
  var seed = SeedList(0)

  @Option(help: "Steps of the sampler.")
  var steps = 50

  @Option(help: "How far to go beyond the prediction without a prompt; 1 and below: off.")
  var guidanceScale: Float = 7.5

  @Option(help: "What the picture is to stay away from.")
  var negativePrompt = ""

  @Option(help: "Pixels in a row. Default: the model's own.")
  var width: Int?

  @Option(help: "Rows of pixels. Default: the model's own.")
  var height: Int?

  @Option(help: "The sampler. Default: the model's own.")
  var scheduler: Sampler?

  @Flag(help: "Put several pictures onto one sheet.")
  var grid = false

  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print what was drawn as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print nothing but errors.")
  var quiet = false

  func validate() throws {
    guard output.lowercased().hasSuffix(".png") else {
      throw ValidationError("--output is '\(output)', expected a name that ends in .png")
    }
  }

  func run() throws {
    let series = try PictureSeries(
      prompts: prompts, seeds: seed.seeds,
      request: GenerationRequest(
        prompt: "", negativePrompt: negativePrompt, steps: steps, guidanceScale: guidanceScale,
        width: width, height: height, scheduler: scheduler?.kind),
      output: grid ? .sheet(path: output) : .files(path: output))
    try OutputFile.checkWritable(output, sparing: [model])
    let pipeline = try Pipeline(
      model: try ModelReader.open(path: model, options: reading.options).model)
    if !quiet { series.truncations(by: pipeline.tokenizer).forEach(Console.warn) }
    let bar = ProgressBar("drawing", isQuiet: quiet)
    let name = URL(filePath: model).lastPathComponent
    let items = try series.draw(with: pipeline, model: name) {
      bar.update(done: $0.done, of: $0.total)
    }
    bar.finish()
    if json {
      try Console.writeLine(series.json(items, model: model).text(indent: 2))
    } else if !quiet {
      try Console.write(series.text(items))
    }
  }
}
