public import ArgumentParser
internal import Conversion
public import KeyLayouts

/// The arguments that say what a model is where its files do not.
struct ModelArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What the model's files do not say, as diffusers' configurations: a folder, a component's "
        + "config.json, or one object with an object a component.", valueName: "path"))
  var config: String?

  @Option(
    help: ArgumentHelp(
      "What the U-Net predicts: epsilon, v_prediction or sample. Default: by the configuration, "
        + "marker tensors, the metadata, the family's rule, in this order.", valueName: "type"))
  var predictionType: PredictionType?

  /// The options that were given.
  var given: [String] {
    GivenOptions.names([
      ("--config", config != nil), ("--prediction-type", predictionType != nil),
    ])
  }

  /// The same for the library.
  var overrides: ConfigurationOverrides {
    get throws {
      ConfigurationOverrides(
        configurations: try config.map(StatedConfigurations.read) ?? [:],
        prediction: predictionType)
    }
  }
}

extension PredictionType: ExpressibleByArgument {
  /// Reads the names that people use.
  public init?(argument: String) { self.init(named: argument) }
}
