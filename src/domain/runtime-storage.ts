// Where a Runtime's models stand: a claim on a cluster, a folder on a host.
import * as z from 'zod'
import { dnsName } from './parts.ts'
import { quantity, withRules, word } from './schema.ts'

export const Storage = withRules(
  z.object({
    claimName: dnsName().optional().meta({
      description:
        'Claim that holds the models; adopted: derived from the Deployment, and checked when given.',
    }),
    path: word(512, '^/[A-Za-z0-9._/-]*$').optional().meta({ description: 'Mount path in the container.' }),
    directory: word(512, '^/[A-Za-z0-9._/-]*$').optional().meta({
      description: 'Folder of the models on a host; default: the one of the daemon’s settings.',
    }),
    quota: quantity('Bytes that models may take on this volume; default: the size of the claim.').optional(),
  }),
  [
    {
      rule: `!has(self.path) || !self.path.contains('..')`,
      message: "path must not contain '..'",
      fieldPath: '.path',
      holds: self => !self.path?.includes('..'),
    },
    {
      rule: `!has(self.directory) || !self.directory.contains('..')`,
      message: "directory must not contain '..'",
      fieldPath: '.directory',
      holds: self => !self.directory?.includes('..'),
    },
  ],
)
