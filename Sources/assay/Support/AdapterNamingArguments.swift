public import ArgumentParser
internal import Checkpoints
internal import Conversion
public import KeyLayouts
internal import TensorCore

/// The arguments that only a LoRA takes.
struct AdapterNamingArguments: ParsableArguments {
  @Option(
    name: .customLong("lora-naming"),
    help: ArgumentHelp(
      "Of a LoRA: rename its tensors as kohya's trainer, diffusers or peft does; alpha is kept.",
      valueName: "naming"))
  var naming: AdapterNaming?

  @Option(
    help: ArgumentHelp(
      "Of a LoRA: the model whose modules its names stand for. Default: the published models of "
        + "all families.", valueName: "model"))
  var base: String?

  func validate() throws {
    if base != nil, naming == nil {
      throw ValidationError("--base tells the modules of a LoRA: name a --lora-naming")
    }
  }

  /// Refuses what means nothing for a LoRA whose tensors are renamed.
  ///
  /// - Throws: `ValidationError` that names the options.
  func check(_ given: GivenOptions) throws {
    guard naming != nil,
      let problem = given.problem(
        for: "a LoRA with --lora-naming", meaningful: GivenOptions.ofNamings)
    else { return }
    throw ValidationError(problem)
  }

  /// Converts a LoRA and reports it; `false`, and nothing is done, when no naming is asked for.
  func convert(
    _ model: ReadModel, _ request: ConversionRequest, _ options: ReadingOptions, json: Bool,
    quiet: Bool
  ) throws -> Bool {
    guard let naming else { return false }
    guard request.componentTypes.isEmpty else {
      throw ConversionError(
        path: model.checkpoint.path, problem: "a LoRA has one --dtype for all components")
    }
    let converter = try AdapterConverter(
      try Adapter(model.checkpoint),
      AdapterRequest(
        output: request.output, container: request.container, naming: naming,
        elementType: request.elementType, metadata: request.metadata,
        isStrict: request.isStrict),
      model: try base.map { try ModelReader.open(path: $0, options: options) })
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

extension AdapterNaming: ExpressibleByArgument {}

extension AdapterReport {
  /// Two lines: what was read, and what was written.
  fileprivate var text: String {
    let forms = AdapterForms(kinds: kinds).text
    let count = kinds.values.reduce(0, +)
    return """
      \(source.escapingControls): LoRA for \(family.title), \(sourceNaming?.rawValue ?? "unknown") naming
      \(output.escapingControls): \(container.rawValue), \(naming.rawValue) naming, \(Format.count(count)) of \(Format.count(total)) modules (\(forms))

      """
  }

  /// What was left behind.
  fileprivate var warnings: [String] {
    var warnings = leftovers.filter { !$0.isKnown }.map {
      "\(source): '\($0.name)' was left behind: \($0.reason)"
    }
    let known = leftovers.filter(\.isKnown)
    if let first = known.first {
      warnings.append(
        "\(source): \(known.count) tensor\(known.count == 1 ? "" : "s") left behind, first "
          + "'\(first.name)': \(first.reason)")
    }
    if let first = overflows.first {
      warnings.append(
        "\(source): values beyond the range of \(first.elementType) became infinite, first in "
          + "'\(first.tensor)'")
    }
    return warnings
  }

  fileprivate var json: JSON {
    [
      "source": [
        "path": .string(source), "naming": sourceNaming.map { .string($0.rawValue) } ?? .null,
      ],
      "output": [
        "path": .string(output), "format": .string(container.rawValue),
        "naming": .string(naming.rawValue),
      ],
      "family": .string(family.rawValue), "modules": .integer(total),
      "forms": AdapterForms(kinds: kinds).json, "left_behind": .array(leftovers.map(\.json)),
      "overflows": .array(overflows.map(\.json)),
    ]
  }
}
