import marshmallow as ma


class Even(ma.fields.Integer):
    default_error_messages = {"odd": "{input} is odd."}

    def _deserialize(self, value, attr, data, **kwargs):
        number = super()._deserialize(value, attr, data, **kwargs)
        if number % 2:
            self.fail("odd", input=number)
        return number


class FormSchema(ma.Schema):
    number = Even()


def check():
    assert FormSchema().validate({"number": "3"}) == {"number": ["3 is odd."]}
    assert FormSchema().load({"number": "4"}) == {"number": 4}
