public import TensorCore

/// A report as one self-contained page: it asks no network for anything, follows the reader's
/// choice of light or dark, and is readable on a phone.
public struct Page: Sendable, Hashable {
  /// How a verdict is meant.
  public enum Tone: String, Sendable, Hashable {
    /// Nothing is wrong.
    case good
    /// Something has changed or deserves a look.
    case notable
    /// Something is wrong.
    case bad
  }

  /// A part of the page.
  public enum Section: Sendable, Hashable {
    /// Short facts, each a term and what it is.
    case facts([Fact])
    /// A map of a model's blocks, coloured by a figure.
    case map(BlockMap)
    /// Counts by range.
    case bars(BarChart)
    /// A table that sorts and filters.
    case table(DataTable)
    /// Lines of text.
    case notes([String])
  }

  /// A term and what it is.
  public struct Fact: Sendable, Hashable {
    let term: String
    let value: String

    /// States a fact.
    public init(_ term: String, _ value: String) {
      self.term = term
      self.value = value
    }
  }

  /// What the page is about.
  public let title: String
  /// The answer in one sentence.
  public let verdict: String
  /// How it is meant.
  public let tone: Tone
  /// The parts, each under a heading.
  private(set) var sections: [Part] = []

  struct Part: Sendable, Hashable {
    let heading: String
    let section: Section
  }

  /// Starts a page.
  public init(title: String, verdict: String, tone: Tone) {
    self.title = title
    self.verdict = verdict
    self.tone = tone
  }

  /// Adds a part.
  public mutating func add(_ heading: String, _ section: Section) {
    sections.append(Part(heading: heading, section: section))
  }
}

/// Counts by range.
public struct BarChart: Sendable, Hashable {
  let counts: [Int]
  let lowest: String
  let highest: String
  let caption: String

  /// Makes a chart.
  ///
  /// - Parameters:
  ///   - counts: of ranges of equal width.
  ///   - lowest: where the first range starts.
  ///   - highest: where the last one ends.
  ///   - caption: what is counted.
  public init(counts: [Int], lowest: String, highest: String, caption: String) {
    self.counts = counts
    self.lowest = lowest
    self.highest = highest
    self.caption = caption
  }
}

/// A table that sorts by any column and filters by text.
public struct DataTable: Sendable, Hashable {
  /// How a column's values are shown.
  public enum Kind: String, Sendable, Hashable {
    /// As they are.
    case text
    /// Three significant digits.
    case figure
    /// Whole numbers, in groups of three digits.
    case count
    /// Bytes, in the unit that fits.
    case bytes
    /// Shares of one, in per cent.
    case share
  }

  /// One column.
  public struct Column: Sendable, Hashable {
    let name: String
    let kind: Kind

    /// Describes a column.
    public init(_ name: String, _ kind: Kind = .text) {
      self.name = name
      self.kind = kind
    }
  }

  let columns: [Column]
  let rows: [[JSON]]

  /// Makes a table. Traps when a row has not one value a column.
  public init(columns: [Column], rows: [[JSON]]) {
    precondition(rows.allSatisfy { $0.count == columns.count }, "a row of another length")
    self.columns = columns
    self.rows = rows
  }

  /// The data as the page's script reads them.
  var json: JSON {
    [
      "columns": .array(
        columns.map { ["name": .string($0.name), "kind": .string($0.kind.rawValue)] }),
      "rows": .array(rows.map { .array($0) }),
    ]
  }
}
