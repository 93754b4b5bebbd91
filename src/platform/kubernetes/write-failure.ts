// Runs one write; what the API server refuses comes out as a failure that the domain understands.
import { toFailure } from './api-refusal.ts'

/** `about` names the object in the message. */
export const asDomain = async <T>(about: string, write: () => Promise<T>): Promise<T> => {
  try {
    return await write()
  } catch (error) {
    throw toFailure(error, about)
  }
}
