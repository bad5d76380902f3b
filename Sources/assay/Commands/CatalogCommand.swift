internal import ArgumentParser
internal import Conversion
internal import Foundation
internal import Inspection
internal import TensorCore

/// `assay catalog`: names for known components.
struct CatalogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "catalog",
    abstract: "Keeps a file of known components, by the fingerprints of their weights.",
    subcommands: [Add.self])

  /// `assay catalog add`: the components of one model.
  struct Add: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "add",
      abstract: "Adds a model's components to a catalog, which is made where there is none.")

    @Argument(help: "The catalog: a JSON file.")
    var catalog: String

    @Argument(help: "Checkpoint, ingot or diffusers folder.")
    var model: String

    @Option(
      help: ArgumentHelp(
        "What the components are known as. Default: the file's name.", valueName: "name"))
    var name: String?

    @OptionGroup var reading: ReadingArguments

    @Flag(name: .shortAndLong, help: "Print nothing but errors.")
    var quiet = false

    func run() throws {
      try OutputFile.checkWritable(catalog, sparing: [model])
      var known =
        FileManager.default.fileExists(atPath: catalog) ? try Catalog(path: catalog) : Catalog()
      let read = try ModelReader.open(path: model, options: reading.options)
      let bar = ProgressBar("reading", isQuiet: quiet)
      let facts = try ModelFacts(of: read, progress: { bar.update(done: $0, of: $1) })
      bar.finish()
      let fingerprints = Fingerprints(of: facts)
      guard !fingerprints.components.isEmpty else {
        throw InspectionError(path: model, problem: "has no component of a known family")
      }
      let name =
        name ?? URL(filePath: model).deletingPathExtension().lastPathComponent
      known.add(fingerprints, named: name)
      var file = try OutputFile(replacing: catalog)
      try file.write(known.json.text(indent: 2) + "\n")
      try file.commit()
      guard !quiet else { return }
      for component in fingerprints.components {
        try Console.writeLine("\(name.escapingControls) \(component.name) \(component.fingerprint)")
      }
    }
  }
}
