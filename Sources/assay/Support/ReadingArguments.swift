internal import ArgumentParser
internal import Checkpoints

/// The arguments that say how a model's file is read.
struct ReadingArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read only the tensors below these keys of a pickle: params_ema, state_dict.model. Default: "
        + "wrappers are found by their usual names.", valueName: "keys"))
  var root: String?

  @Flag(
    name: .customLong("no-mmap"),
    help: "Read files in order and do not map them: for network disks.")
  var withoutMapping = false

  @Option(
    help: ArgumentHelp(
      "Read these weights of a folder: fp16, non_ema. Default: the model's own, or else the first "
        + "variant there is.", valueName: "name"))
  var variant: String?

  /// The same for the readers.
  var options: ReadingOptions {
    ReadingOptions(root: root, usesMapping: !withoutMapping, variant: variant)
  }
}
