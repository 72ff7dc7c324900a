import { Field, InputType, ObjectType } from 'type-graphql';

@ObjectType({ description: "A label of a job: the client's own reference.", simpleResolvers: true })
export class Label {
  @Field(() => String, { description: "The label's key: 1 to 64 characters from `a-z`, `0-9`, `_`, `.` and `-`." })
  key!: string;

  @Field(() => String, { description: "The label's value: up to 256 characters." })
  value!: string;
}

@InputType({ description: "A label of a job: the client's own reference." })
export class LabelInput {
  @Field(() => String, {
    description:
      "The label's key: 1 to 64 characters from `a-z`, `0-9`, `_`, `.` and `-`. A job can have each key only once.",
  })
  key!: string;

  @Field(() => String, { description: "The label's value: up to 256 characters." })
  value!: string;
}
