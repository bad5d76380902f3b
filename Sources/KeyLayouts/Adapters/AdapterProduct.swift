internal import TensorCore

/// A matrix kept as a product: `left · right`, or with a kernel between the two (Tucker's form).
///
/// Without a core, `left` is `[rows, rank]` and `right` `[rank, columns…]`. With a core `[p, q, k…]`
/// the element at row `o`, column `i` and kernel place `k` is
/// `Σₚ Σ_q core[p, q, k] · left[o, p] · right[q, i]` (LyCORIS, `rebuild_tucker`).
public struct AdapterProduct: Sendable, Hashable {
  /// The place of the left factor among the file's tensors.
  public let left: Int
  /// The place of the right factor.
  public let right: Int
  /// The place of the kernel in between, if there is one.
  public let core: Int?
  /// Whether `left` is stored `[p, rows]`, as LoHa and LoKr do in Tucker's form.
  public let isLeftTransposed: Bool
  /// The rows of the product: the layer's outputs, or a divisor of them.
  public let rows: Int
  /// Everything else of the product in one: inputs times kernel.
  public let columns: Int
  /// The size of the inner dimension on the input's side.
  public let rank: Int

  /// Checks that the factors fit together.
  ///
  /// - Throws: `AdapterError` that names the factor that does not fit.
  init(
    _ tensors: [TensorDescription], left: Int, right: Int, core: Int? = nil,
    isLeftTransposed: Bool = false
  ) throws(AdapterError) {
    let (l, r) = (tensors[left], tensors[right])
    guard l.shape.rank >= 2, l.shape.elementCount > 0 else { throw .rank(l) }
    guard r.shape.rank >= 2, r.shape.elementCount > 0 else { throw .rank(r) }
    let first = l.shape[0]
    let rest = l.shape.elementCount / first
    (rows, rank) = (isLeftTransposed ? rest : first, r.shape[0])
    let inner = isLeftTransposed ? first : rest
    var columns = r.shape.elementCount / rank
    if let core {
      let c = tensors[core]
      guard c.shape.rank >= 2, c.shape.elementCount > 0, c.shape[0] == inner, c.shape[1] == rank
      else {
        throw AdapterError(.misfit(c.name, found: c.shape, expected: "[\(inner), \(rank), …]"))
      }
      let kernel = c.shape.elementCount / (inner * rank)
      let (product, overflow) = columns.multipliedReportingOverflow(by: kernel)
      guard !overflow else { throw .rank(c) }
      columns = product
    } else if inner != rank {
      throw AdapterError(.misfit(r.name, found: r.shape, expected: "[\(inner), …]"))
    }
    self.columns = columns
    (self.left, self.right, self.core) = (left, right, core)
    self.isLeftTransposed = isLeftTransposed
  }
}

/// One factor of a Kronecker product.
public enum AdapterFactor: Sendable, Hashable {
  /// The matrix itself, by its place among the file's tensors.
  case whole(Int, rows: Int, columns: Int)
  /// A product.
  case product(AdapterProduct)

  /// The rows of the factor.
  public var rows: Int {
    switch self {
    case .whole(_, let rows, _): rows
    case .product(let product): product.rows
    }
  }

  /// Everything else of the factor in one.
  public var columns: Int {
    switch self {
    case .whole(_, _, let columns): columns
    case .product(let product): product.columns
    }
  }
}
