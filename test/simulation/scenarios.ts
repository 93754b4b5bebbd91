// Every scenario there is, by the fault catalogue's list.
import { modelScenarios } from './model-scenarios.ts'
import { runtimeScenarios } from './runtime-scenarios.ts'
import type { Scenario } from './scenario.ts'

export const scenarios: readonly Scenario[] = [...runtimeScenarios, ...modelScenarios]

/** Those that end in one way, however late they are seen. */
export const weatherproof = scenarios.filter(({ isTimed }) => !isTimed)
