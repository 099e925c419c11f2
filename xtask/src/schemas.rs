//! The JSON schemas of what programs read and write: every answer, a failure, and a line of a batch.
//!
//! The types below say what an answer has; the programs build their answers by hand, and a test at the boundary holds
//! real ones against these schemas. Nothing here is linked into a program that is shipped. Main function: [`all`].

#[expect(dead_code, reason = "the types are read by their schemas alone")]
#[expect(clippy::struct_field_names, reason = "a field is named as the key is")]
mod answers;
#[expect(dead_code, reason = "the types are read by their schemas alone")]
mod batch;
#[expect(dead_code, reason = "the types are read by their schemas alone")]
#[expect(clippy::struct_field_names, reason = "a field is named as the key is")]
mod overviews;
#[expect(dead_code, reason = "the types are read by their schemas alone")]
#[expect(clippy::struct_field_names, reason = "a field is named as the key is")]
mod records;
#[expect(dead_code, reason = "the types are read by their schemas alone")]
#[expect(clippy::struct_field_names, reason = "a field is named as the key is")]
mod upkeep;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Every schema, with the name of its file.
pub(crate) fn all() -> Vec<(String, String)> {
    let answers: Vec<(&str, Value)> = vec![
        ("launch", answer::<answers::Launched>()),
        ("retry", answer::<answers::Retried>()),
        ("batch", answer::<answers::Batched>()),
        ("list", answer::<records::Listed>()),
        ("status", answer::<records::Record>()),
        ("statuses", answer::<records::Records>()),
        ("output", answer::<answers::Output>()),
        ("outputs", answer::<answers::Outputs>()),
        ("diff", answer::<answers::Diff>()),
        ("wait", answer::<answers::Waited>()),
        ("cancel", answer::<answers::Cancelled>()),
        ("complete", answer::<answers::Completed>()),
        ("prune", answer::<overviews::Pruned>()),
        ("cleanup", answer::<overviews::Cleaned>()),
        ("report", answer::<overviews::Report>()),
        ("report-html", answer::<overviews::Page>()),
        ("queue", answer::<overviews::Queue>()),
        ("droids", answer::<upkeep::Droids>()),
        ("runners", answer::<upkeep::Runners>()),
        ("hosts", answer::<upkeep::Hosts>()),
        ("doctor", answer::<upkeep::Doctor>()),
        ("config", answer::<upkeep::Config>()),
        ("hooks-print", answer::<upkeep::HooksPrinted>()),
        ("hooks-status", answer::<upkeep::HooksStatus>()),
        ("hooks-install", answer::<upkeep::HooksChanged>()),
        ("mcp", answer::<upkeep::Registered>()),
        ("failure", schema::<answers::Failure>()),
        ("batch-line", schema::<batch::Line>()),
    ];
    let text = |schema: &Value| format!("{schema:#}\n");
    answers.iter().map(|(name, schema)| (format!("{name}.json"), text(schema))).collect()
}

fn schema<T: JsonSchema>() -> Value {
    let mut generator = SchemaGenerator::default();
    let schema: Schema = generator.root_schema_for::<T>();
    schema.to_value()
}

/// The schema of an answer: with what stands in any of them.
fn answer<T: JsonSchema>() -> Value {
    let (mut schema, mut common) = (schema::<T>(), schema::<answers::Common>());
    for part in ["properties", "$defs"] {
        let of_common = common[part].take();
        let Value::Object(members) = of_common else { continue };
        let below = schema.as_object_mut().map(|it| it.entry(part).or_insert_with(|| json!({})));
        if let Some(Value::Object(below)) = below {
            for (name, member) in members {
                below.entry(name).or_insert(member);
            }
        }
    }
    let counted = json!({
        "type": "integer", "description": "How many were left out of the list that the key names.",
    });
    schema["patternProperties"] = json!({"Omitted$": counted});
    schema
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn every_schema_names_what_an_answer_has_and_says_what_each_is() {
        for (name, text) in all() {
            let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
            let properties = schema["properties"].as_object().unwrap();
            assert!(schema["description"].is_string(), "{name}");
            for (property, said) in properties {
                let is_said = said["description"].is_string() || said.get("$ref").is_some();
                assert!(is_said, "{name}: {property}: {said}");
            }
        }
    }
}
