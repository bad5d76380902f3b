internal import TensorCore

/// The files of one component in a diffusers folder.
struct ComponentFiles {
  /// The weights that there are.
  let weights: WeightFiles
  /// The configuration's file, where there is one.
  let configuration: String?
  /// Everything but configuration and hidden files, by name: the tokenizer's vocabulary, a feature
  /// extractor's settings.
  let others: [String]

  private static let configurationNames = ["config.json", "scheduler_config.json"]

  /// Looks into a folder.
  ///
  /// - Throws: `FileError` when it cannot be listed.
  init(folder: String) throws(FileError) {
    let names = try WeightFiles.names(in: folder)
    configuration = Self.configurationNames.first(where: names.contains)
    weights = WeightFiles(among: names)
    others = names.filter { !Self.configurationNames.contains($0) }
  }
}
