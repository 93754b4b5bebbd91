// Why the engine does not start, or does not answer a request: a sentence for people.

/** The process ends with it; `engine-facts/llama-cpp-log.ts` knows the beginnings of these sentences. */
export class StartFailure extends Error {}

/** One request is answered with it, in the shape of OpenAI's errors. */
export class Refusal extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}
