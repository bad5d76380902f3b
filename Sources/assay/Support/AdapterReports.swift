internal import Conversion
internal import TensorCore

extension AdapterOutcome.Leftover {
  var json: JSON { ["name": .string(name), "reason": .string(reason)] }
}

extension CastOverflow {
  var json: JSON { ["tensor": .string(tensor), "values": .integer(count)] }
}
