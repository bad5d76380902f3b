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

  /// The same for the readers.
  var options: ReadingOptions { ReadingOptions(root: root, usesMapping: !withoutMapping) }
}
