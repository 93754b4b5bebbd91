// A cluster as the commands see it: loaded only when one is spoken to.
import { type Client, Refusal } from '../cli/client.ts'

export const openCluster = async (_: {
  readonly context: string | undefined
  readonly file: string | undefined
}): Promise<Client> => {
  throw new Refusal('clusters are not spoken to yet')
}
