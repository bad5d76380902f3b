public import ArgumentParser
internal import Checkpoints
internal import Conversion
public import KeyLayouts
internal import TensorCore

/// The arguments that only a textual inversion takes.
struct EmbeddingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Of a textual inversion: a1111, diffusers or sdxl. Default: sdxl where the source tells the "
        + "text encoders, diffusers for .bin and .safetensors, a1111 for other pickles.",
      valueName: "form"))
  var embeddingForm: EmbeddingForm?

  @Option(
    help: ArgumentHelp(
      "Of a textual inversion: the name that the token gets, or which of several to take.",
      valueName: "name"))
  var token: String?

  @Option(
    help: ArgumentHelp(
      "Of a textual inversion: the text encoder whose vectors to take, or that unlabelled ones "
        + "are for: clip_l, clip_g, clip_h or t5xxl.", valueName: "encoder"))
  var encoder: EmbeddingEncoder?

  func validate() throws {
    if token?.isEmpty == true { throw ValidationError("--token is empty, expected a name") }
    if let embeddingForm, !EmbeddingForm.writable.contains(embeddingForm) {
      throw ValidationError(
        "--embedding-form is \(embeddingForm.rawValue), expected a1111, diffusers or sdxl")
    }
  }

  /// The options that were given.
  var given: [String] {
    GivenOptions.names([
      ("--embedding-form", embeddingForm != nil), ("--token", token != nil),
      ("--encoder", encoder != nil),
    ])
  }

  /// Converts a textual inversion and reports it; `false`, and nothing is done, for other files.
  ///
  /// - Parameter given: the options for models, which may mean nothing for an embedding.
  func convert(
    _ model: ReadModel, _ request: ConversionRequest, _ given: GivenOptions, json: Bool, quiet: Bool
  ) throws -> Bool {
    let wish = EmbeddingRequest(
      output: request.output, container: request.container, form: embeddingForm, token: token,
      encoder: encoder, elementType: request.elementType, metadata: request.metadata,
      isStrict: request.isStrict)
    guard let converter = try EmbeddingConverter(model.checkpoint, wish) else { return false }
    let problem =
      given.problem(for: "a textual inversion", meaningful: GivenOptions.ofNamings)
      ?? (request.componentTypes.isEmpty
        ? nil : "a textual inversion has one --dtype for all text encoders")
    if let problem { throw ConversionError(path: model.checkpoint.path, problem: problem) }
    let report = try converter.run()
    for warning in report.warnings + model.warnings(of: report.renamedMetadata, request) {
      Console.warn(warning)
    }
    if json {
      try Console.writeLine(report.json.text(indent: 2))
    } else if !quiet {
      try Console.write(report.text)
    }
    return true
  }
}

extension EmbeddingForm: ExpressibleByArgument {
  /// The forms that can be written.
  public static var allValueStrings: [String] { writable.map(\.rawValue) }
}
extension EmbeddingEncoder: ExpressibleByArgument {}
