// Engines of a host as plain processes.
import { describe } from 'vitest'
import { createProcessKeeper } from '../../../src/platform/host/engine-process.ts'
import { aFolder } from './host-parts.ts'
import { hostServings } from './host-servings-contract.ts'

describe('engines on a host', () => hostServings({ aFolder, keeper: createProcessKeeper }))
