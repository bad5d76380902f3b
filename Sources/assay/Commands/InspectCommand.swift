internal import ArgumentParser
internal import Conversion
internal import Generation
internal import Inspection
internal import KeyLayouts
internal import Reports
internal import TensorCore

/// `assay inspect`: what is in a file.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a model holds; runs no pickle.",
    discussion: """
      No tensor is read, but for --stats, --tensor, --hashes, --catalog and --health. An ingot's \
      index answers for most of these.
      """)

  @Argument(help: "Checkpoint, ingot or diffusers folder.")
  var model: String

  @Flag(
    help: "Show what would become of every tensor under canonical names, or else what it is.")
  var ledger = false

  @OptionGroup(title: "What to look at") var views: InspectionArguments
  @OptionGroup(title: "What the model is") var stated: ModelArguments
  @OptionGroup var reading: ReadingArguments

  @Flag(help: "Print everything as JSON.")
  var json = false

  @Option(help: ArgumentHelp("Also write the report as a web page.", valueName: "file"))
  var html: String?

  @Flag(name: .shortAndLong, help: "Leave out the tree and the tensors.")
  var quiet = false

  func run() throws {
    try OutputFile.checkWritable(html, views.png, sparing: [model])
    let read = try ModelReader.open(
      path: model, options: reading.options, overrides: try stated.overrides)
    // What is wrong with the model is shown; what the user says wrongly about it is an error.
    if stated.config != nil, case .failure(let error) = read.reading, error.isAboutConfiguration {
      throw error
    }
    let summary = CheckpointSummary(of: read)
    let bar = ProgressBar("reading", isQuiet: quiet)
    let inspection = try ModelInspection(of: read, try views.request) {
      bar.update(done: $0, of: $1)
    }
    bar.finish()
    try MappingGuard.check()
    if let html { try OutputFile.write(Array(inspection.page(summary).html.utf8), to: html) }
    if let png = views.png, let raster = inspection.raster {
      let picture = Picture(width: raster.width, height: raster.height, pixels: raster.pixels)
      try picture.writePNG(to: png)
    }
    try show(summary, inspection)
  }

  private func show(_ summary: CheckpointSummary, _ inspection: ModelInspection) throws {
    if json {
      let members = summary.json(withLedger: ledger).objectValue?.members ?? []
      var all = JSONObject((members + inspection.json.members).map { ($0.key, $0.value) })
      if ledger, let accounts = summary.accountJSON { all["ledger"] = accounts }
      try Console.writeLine(JSON.object(all).text(indent: 2))
    } else if inspection.detail != nil {
      try Console.write(inspection.text(listsTensors: false))
    } else {
      let tables =
        quiet || ledger ? inspection.answers : inspection.text(listsTensors: views.tensors)
      try Console.write(
        summary.text + (tables.isEmpty ? "" : "\n" + tables)
          + (ledger ? summary.ledgerTable + summary.accountTable : ""))
    }
  }
}
