import ArgumentParser

@main
struct Assay: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "assay",
    abstract: "Converts, inspects, diffs and verifies Stable Diffusion checkpoints.")
}
