public import ArgumentParser
internal import Conversion
public import Inspection
internal import TensorCore

/// The arguments that say what to look at in a model.
struct InspectionArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Show only tensors whose name matches, canonical ('unet.*attn2*') or as the file has it. May "
        + "be given several times.", valueName: "pattern"))
  var filter: [String] = []

  @Option(
    help: ArgumentHelp(
      "Order the tree by flow (as data flows), name, size or count.", valueName: "order"))
  var sort = ModelTree.Order.flow

  @Option(
    help: ArgumentHelp(
      "How deep the tree goes: 1 for components, 2 for blocks, more for modules.",
      valueName: "levels"))
  var depth = 2

  @Flag(help: "List every tensor, however many there are.")
  var tensors = false

  @Flag(help: "List every tensor with what its values are like; from the index of an ingot.")
  var stats = false

  @Option(
    help: ArgumentHelp(
      "Look at one tensor: figures, histogram, first values.", valueName: "name"))
  var tensor: String?

  @Option(
    help: ArgumentHelp(
      "With --tensor, draw it too: a matrix as a heat map, convolution kernels as a contact sheet.",
      valueName: "file"))
  var png: String?

  @Flag(
    help: "Show the hashes that interfaces and model sites use, and fingerprints of the weights.")
  var hashes = false

  @Flag(help: "Look for values and tensors that are damaged or odd.")
  var health = false

  @Option(
    help: ArgumentHelp(
      "Name components by a catalog that 'assay catalog add' made.", valueName: "file"))
  var catalog: String?

  func validate() throws {
    if png != nil, tensor == nil { throw ValidationError("--png draws what --tensor names") }
    if depth < 0 { throw ValidationError("--depth is \(depth), expected a number from 0 up") }
  }

  /// The same for the library.
  var request: InspectionRequest {
    get throws {
      var request = InspectionRequest()
      request.patterns = filter
      request.order = sort
      request.depth = depth
      request.wantsStatistics = stats
      request.tensor = tensor
      request.wantsPicture = png != nil
      request.wantsHashes = hashes
      request.wantsHealth = health
      request.catalog = try catalog.map(Catalog.init(path:))
      return request
    }
  }
}

extension ModelTree.Order: ExpressibleByArgument {}
