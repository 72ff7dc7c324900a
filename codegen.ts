/**
 * Typed documents of the tests' client, from the committed schema: a query that does not fit the schema does not
 * compile.
 */
import type { CodegenConfig } from '@graphql-codegen/cli';

const config: CodegenConfig = {
  schema: 'src/schema/schema.graphql',
  documents: ['test/support/operations.ts'],
  importExtension: '.ts',
  generates: {
    'test/support/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: { URL: 'string', DateTime: 'string' },
        strictScalars: true,
      },
    },
  },
};

export default config;
