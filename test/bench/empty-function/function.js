// The floor: a function of the same framework that does nothing. The framework's own command line starts it:
//   functions-framework --target=empty --source=test/bench/empty-function

export function empty(_request, response) {
  response.end();
}
