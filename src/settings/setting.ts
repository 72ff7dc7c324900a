/** A setting, and constructors for the common kinds of settings. */
import { type z } from 'zod';
import { decimalIn, integerIn, onOrOff, oneOf, optional } from './values.ts';

/** What the defaults of other settings may depend on. */
export interface Facts {
  readonly isProduction: boolean;
  readonly upstream: 'acedata' | 'sandbox';
  /** True if the upstream can call back: `PUBLIC_URL` is set, or the upstream is the sandbox on this machine. */
  readonly isReachable: boolean;
  /** True if the gateway runs with the sandbox on a loopback host: nothing is paid, and only this machine has access. */
  readonly isOpenSandbox: boolean;
  readonly port: number;
}

/** A default that depends on other settings, with its description for the documentation. */
export interface DerivedDefault<T> {
  readonly text: string;
  readonly derive: (facts: Facts) => T;
}

export interface Setting<T> {
  /** Parses the text of the variable; undefined if the variable is not set. */
  readonly schema: z.ZodType<T | undefined>;
  /** Description of a valid value; completes "expected ...". */
  readonly expected: string;
  readonly default: DerivedDefault<T>;
  readonly meaning: string;
}

const isDerived = <T>(value: T | DerivedDefault<T>): value is DerivedDefault<T> =>
  typeof value === 'object' && value !== null && 'derive' in value;

/** A fixed default. */
export const always = <T>(value: T): DerivedDefault<T> => ({ text: String(value), derive: () => value });

/** A setting with a schema of its own. */
export const setting = <T>(options: {
  readonly schema: z.ZodType<T>;
  readonly expected: string;
  readonly default: DerivedDefault<T>;
  readonly meaning: string;
}): Setting<T> => ({ ...options, schema: optional(options.schema) });

/** A setting that is null if its variable is not set; `default` describes what null means. */
export const nullable = <T>(options: {
  readonly schema: z.ZodType<T>;
  readonly expected: string;
  readonly default: string;
  readonly meaning: string;
}): Setting<T | null> => setting<T | null>({ ...options, default: { text: options.default, derive: () => null } });

interface NumberRow {
  readonly min: number;
  readonly max: number;
  readonly default: number | DerivedDefault<number>;
  readonly meaning: string;
}

const numberOf =
  (kind: string, schemaOf: (min: number, max: number) => z.ZodType<number>) =>
  ({ min, max, default: value, meaning }: NumberRow): Setting<number> =>
    setting({
      schema: schemaOf(min, max),
      expected: `${kind} from ${min} to ${max}`,
      default: isDerived(value) ? value : always(value),
      meaning,
    });

export const integer = numberOf('an integer', integerIn);
export const decimal = numberOf('a number', decimalIn);

export const choice = <const T extends string>(options: {
  readonly values: readonly T[];
  readonly expected?: string;
  readonly default: NoInfer<T> | DerivedDefault<NoInfer<T>>;
  readonly meaning: string;
}): Setting<T> => {
  const { values, default: value, meaning } = options;
  return setting<T>({
    schema: oneOf(values),
    expected: options.expected ?? `one of ${values.map((name) => `\`${name}\``).join(', ')}`,
    default: isDerived<T>(value) ? value : always<T>(value),
    meaning,
  });
};

/** A switch with a fixed default. */
export const toggle = ({ default: value, meaning }: { readonly default: 'on' | 'off'; readonly meaning: string }) =>
  setting<'on' | 'off'>({
    schema: onOrOff.transform((isOn) => (isOn ? 'on' : 'off')),
    expected: '`on` or `off`',
    default: always(value),
    meaning,
  });

/** A switch that is on by default except in production. */
export const offInProduction = ({ meaning }: { readonly meaning: string }): Setting<boolean> =>
  setting({
    schema: onOrOff,
    expected: '`on` or `off`',
    default: { text: 'on outside production', derive: ({ isProduction }) => !isProduction },
    meaning,
  });

/** A default for gateways that the upstream can call back, and another for gateways that find results by polling only. */
export const byReachability = (reachable: number, unreachable: number): DerivedDefault<number> => ({
  text: `${reachable}; ${unreachable} without \`PUBLIC_URL\``,
  derive: ({ isReachable }) => (isReachable ? reachable : unreachable),
});

export const LOOPBACK_NAMES: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Minimum retention: no further events are expected of a job of this age. */
export const MIN_DAYS = 7;
export const MAX_DAYS = 36_500;
