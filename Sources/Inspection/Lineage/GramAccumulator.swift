internal import TensorCore

/// Sums up the inner products of a tensor that several models have, a bounded run at a time.
struct GramAccumulator {
  private(set) var gram: GramMatrix
  /// A run of each model's weights, one behind the other; of all but the first the difference from it.
  private var values: [Float]

  /// Elements of one run: of eight models they still lie in a core's own cache.
  private static let run = 8192

  init(count: Int) {
    gram = GramMatrix(count: count)
    values = [Float](repeating: 0, count: Self.run * count)
  }

  /// Adds the weights of one tensor, which all views have under equal numbers of elements.
  ///
  /// - Parameter types: by model, the type that its weights were rounded to: of a product with a scale,
  ///   that of the other factor.
  /// - Returns: whether the types are ones whose values are known.
  mutating func add(_ views: [TensorView], roundedTo types: [ElementType]) -> Bool {
    guard views.allSatisfy({ $0.elementType.isDecodable }) else { return false }
    let count = views[0].shape.elementCount
    let noises = zip(views, types).map { WeightRounding($1, isStored: $0.elementType == $1) }
    for start in stride(from: 0, to: count, by: Self.run) {
      let length = min(Self.run, count - start)
      for (model, view) in views.enumerated() {
        decode(view, start, length, into: model)
        gram.roundingNorms[model] += noises[model].square(of: part(model, length))
      }
      accumulate(views, start, length)
    }
    gram.elementCount += count
    return true
  }

  private mutating func decode(_ view: TensorView, _ start: Int, _ length: Int, into model: Int) {
    let type = view.elementType
    let first = view.byteRange.lowerBound
    let range = first + type.byteCount(of: start)..<first + type.byteCount(of: start + length)
    let place = 4 * Self.run * model
    values.withUnsafeMutableBytes { buffer in
      var target = UnsafeMutableRawBufferPointer(rebasing: buffer[place..<place + 4 * length])
        .mutableBytes
      view.storage.withBytes(in: range) {
        ElementConversion.convert($0, from: type, to: .float32, into: &target)
      }
    }
  }

  /// Turns the runs into differences from the first model and adds their products.
  private mutating func accumulate(_ views: [TensorView], _ start: Int, _ length: Int) {
    let count = gram.count
    for model in 1..<count { subtract(model, length) }
    var run = GramMatrix(count: count)
    sum(length, into: &run)
    let isFinite =
      run.originNorm.isFinite && run.products.allSatisfy(\.isFinite)
      && run.originProducts.allSatisfy(\.isFinite)
    if !isFinite {
      run = GramMatrix(count: count)
      for (model, view) in views.enumerated() { decode(view, start, length, into: model) }
      clear(length, &run)
      for model in 1..<count { subtract(model, length) }
      sum(length, into: &run)
    }
    gram.add(run)
  }

  private func part(_ model: Int, _ length: Int) -> ArraySlice<Float> {
    values[model * Self.run..<model * Self.run + length]
  }

  private mutating func subtract(_ model: Int, _ length: Int) {
    values.withUnsafeMutableBufferPointer { values in
      for place in 0..<length { values[model * Self.run + place] -= values[place] }
    }
  }

  private func sum(_ length: Int, into run: inout GramMatrix) {
    let count = run.count
    values.withUnsafeBufferPointer { values in
      func part(_ model: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(rebasing: values[model * Self.run..<model * Self.run + length])
      }
      run.originNorm = Self.product(part(0), part(0))
      for model in 1..<count {
        run.originProducts[model] = Self.product(part(0), part(model))
        for other in model..<count {
          let product = Self.product(part(model), part(other))
          run.products[model * count + other] = product
          run.products[other * count + model] = product
        }
      }
    }
  }

  /// Sets weights to zero that are not finite in some model, or too far from the first one's to be
  /// subtracted, in all of them, and counts them.
  private mutating func clear(_ length: Int, _ run: inout GramMatrix) {
    for place in 0..<length {
      let places = (0..<gram.count).map { $0 * Self.run + place }
      guard !places.allSatisfy({ (values[$0] - values[place]).isFinite }) else { continue }
      for (model, place) in places.enumerated() {
        run.nonFiniteCounts[model] += values[place].isFinite ? 0 : 1
        values[place] = 0
      }
      run.nonFiniteCount += 1
    }
  }

  /// The inner product of two runs, in sixteen lanes of float32 that hold 128 products each before
  /// they are added up in float64.
  private static func product(
    _ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>
  ) -> Double {
    let (left, right) = (UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b))
    let whole = a.count / 16 * 16
    var total = 0.0
    for start in stride(from: 0, to: whole, by: 2048) {
      var lanes = SIMD16<Float>.zero
      for place in stride(from: 4 * start, to: 4 * min(start + 2048, whole), by: 64) {
        lanes.addProduct(
          left.loadUnaligned(fromByteOffset: place, as: SIMD16<Float>.self),
          right.loadUnaligned(fromByteOffset: place, as: SIMD16<Float>.self))
      }
      for lane in lanes.indices { total += Double(lanes[lane]) }
    }
    for place in whole..<a.count { total += Double(a[place]) * Double(b[place]) }
    return total
  }
}

/// What rounding to a type makes of weights.
private struct WeightRounding {
  private let grid: FloatGrid?
  /// The standard deviation as a share of a weight, where the steps are not known: half a unit in the
  /// last place is spread evenly, over values whose place in their binade is anywhere.
  private let share: Double

  /// Of every so many weights one is looked at.
  private static let stride = 61

  /// - Parameter isStored: whether the weights stand as they were rounded, without a scale.
  init(_ type: ElementType, isStored: Bool) {
    grid = isStored ? FloatGrid(type) : nil
    let unit: Double =
      switch type {
      case .float8E5M2, .float8E5M2FNUZ: 0x1p-3
      case .float8E4M3FN, .float8E4M3FNUZ: 0x1p-4
      default: 0x1p-7
      }
    share = unit / 3.0.squareRoot() / 1.4
  }

  /// The sum of the squares of the errors of a run of weights, by some of them.
  func square(of weights: ArraySlice<Float>) -> Double {
    var (sum, count) = (0.0, 0)
    for place in Swift.stride(from: weights.startIndex, to: weights.endIndex, by: Self.stride)
    where weights[place].isFinite {
      let weight = Double(weights[place])
      let error = share * weight
      sum += grid?.variance(of: weight) ?? error * error
      count += 1
    }
    return count > 0 ? sum * Double(weights.count) / Double(count) : 0
  }
}
