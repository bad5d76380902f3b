internal import TensorCore

/// A map of a model's blocks: a row a group, a cell a block, coloured by a figure.
public struct BlockMap: Sendable, Hashable {
  /// What keeps a figure from telling all about a block.
  public enum Mark: String, Sendable, Hashable, CaseIterable {
    /// Tensors in it have another shape, so that not all of it can be compared: hatched.
    case otherShape = "other-shape"
    /// Tensors in it are on one side only: a dashed line around it.
    case oneSided = "one-sided"

    /// What it means, in the legend.
    var meaning: String {
      switch self {
      case .otherShape: "tensors of another shape, which cannot be compared or not as a whole"
      case .oneSided: "tensors that one side alone has"
      }
    }
  }

  /// How figures are written.
  public enum Notation: Sendable, Hashable {
    /// Three significant digits.
    case figure
    /// Numbers of things: whole, from a million on in millions.
    case count

    func text(_ value: Double) -> String {
      switch (self, value.magnitude) {
      case (.count, 1e9...), (.figure, 1e9...): (value / 1e9).text(digits: 3) + " G"
      case (.count, 1e6...), (.figure, 1e6...): (value / 1e6).text(digits: 3) + " M"
      case (.count, _): Int(value).grouped
      case (.figure, _): value.text(digits: 3)
      }
    }
  }

  /// One block.
  public struct Cell: Sendable, Hashable {
    let label: String
    let value: Double?
    let mark: Mark?
    let caption: String

    /// Describes a block.
    ///
    /// - Parameters:
    ///   - value: the figure; `nil` for a block without one.
    ///   - mark: what the figure does not tell.
    ///   - caption: what is shown on pointing at it.
    public init(label: String, value: Double?, mark: Mark? = nil, caption: String) {
      self.label = label
      self.value = value
      self.mark = mark
      self.caption = caption
    }
  }

  /// A row of blocks.
  public struct Group: Sendable, Hashable {
    let name: String
    let cells: [Cell]

    /// Puts blocks together.
    public init(name: String, cells: [Cell]) {
      self.name = name
      self.cells = cells
    }
  }

  let figure: String
  let notation: Notation
  let groups: [Group]

  /// Makes a map.
  ///
  /// - Parameters:
  ///   - figure: what the colour stands for; darkest is the greatest.
  ///   - notation: how figures are written.
  public init(figure: String, _ notation: Notation = .figure, groups: [Group]) {
    self.figure = figure
    self.notation = notation
    self.groups = groups
  }

  /// The greatest figure.
  var greatest: Double {
    groups.flatMap(\.cells).compactMap(\.value).filter(\.isFinite).max() ?? 0
  }
}
